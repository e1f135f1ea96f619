"""The latest sampled request of each route: written seldom, whole, and without a parameter."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.books.models import Author
from unhurried.measure import _layout as L
from unhurried.measure import _store, _units
from unhurried.measure._record import SampledRecord, current
from unhurried.measure.reading import reader
from unhurried.queries._live import _waterfall
from unhurried.queries._live._waterfall import EVERY, Waterfall

pytestmark = pytest.mark.django_db
SECRET = "zqsecretzq"


def work(name: str = "feed/", kind: str = "request", times: int = 2) -> SampledRecord:
    """A sampled unit, finished."""
    plain = _units.start(kind, name, sample=False)
    assert plain is not None
    record = SampledRecord(kind, name, plain.store)
    token = current.set(record)
    for _ in range(times):
        list(Author.objects.filter(name=SECRET))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT '{SECRET}'")
    current.reset(token)
    record.status = 200
    _units.finish(record)
    return record


def load(name: str = "feed/", kind: str = "request") -> Waterfall | None:
    source = reader()
    assert source is not None
    return _waterfall.load(source, kind, name)


def files(store: Path) -> list[Path]:
    return sorted((store / f"v{L.VERSION}" / "waterfalls").iterdir())


def test_what_was_asked_and_when(store: Path) -> None:
    record = work()
    found = load()
    assert found is not None
    assert (found.status, found.queries, found.wall) == (200, 3, record.wall / 1e9)
    assert [bar.sql for bar in found.bars[1:]] == [found.bars[0].sql, "SELECT %s"]
    assert found.bars[0].sql.startswith('SELECT "books_author"."id"')
    starts = [bar.start for bar in found.bars]
    assert starts == sorted(starts)
    last = found.bars[-1]
    assert 0 < last.start + last.seconds < found.wall
    assert {bar.line.rpartition(":")[0] for bar in found.bars} == {
        "tests/queries/test_waterfall.py"
    }
    assert found.parts == record.where


def test_no_parameter_and_no_literal(store: Path) -> None:
    work()
    [path] = files(store)
    assert SECRET not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_seldom(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work()
    work(times=5)
    assert load().queries == 3
    monkeypatch.setattr(_waterfall, "EVERY", 0)
    work("other/")
    assert load("other/").queries == 3
    _store.opened.kept.clear()
    work(times=5)
    assert load().queries == 6
    assert EVERY == 10e9


def test_one_file_per_route_and_no_more(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = L.Group("route", 4, L.LANES, L.FINE_ROUTE, L.GROUPS["route"].start, 1)
    monkeypatch.setitem(L.GROUPS, "route", small)
    for n in range(12):
        work(f"{n}/")
    work("0/", "unit")
    assert len(files(store)) == 4
    assert load("(other)") is not None
    assert load("11/") is None


def test_nothing_is_kept_of_what_asked_nothing_or_is_not_sampled(store: Path) -> None:
    record = _units.start("request", "feed/", sample=False)
    list(Author.objects.all())
    _units.finish(record)
    work("feed/", times=0).timeline.clear()
    assert load("nowhere/") is None


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "null", '{"at": 1}', '{"statements": [[1]], "bars": []}']
)
def test_a_damaged_file_is_no_waterfall(store: Path, damage: str, caplog: Any) -> None:
    work()
    [path] = files(store)
    path.write_text(damage)
    assert load() is None
    assert len([r for r in caplog.records if str(path) in r.getMessage()]) == (damage != "null")


def test_a_wrong_number_is_none(store: Path) -> None:
    work()
    [path] = files(store)
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "bars": [[0, 1, 99]]}))
    assert load() is None


def test_a_folder_that_cannot_be_made_is_said_once(store: Path, caplog: Any) -> None:
    work("first/")
    place = store / f"v{L.VERSION}" / "waterfalls"
    for path in files(store):
        path.unlink()
    place.rmdir()
    place.write_text("in the way")
    work()
    assert "No request is drawn" in caplog.text
    place.unlink()
