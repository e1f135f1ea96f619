"""Of no statement's literals is anything kept: not in the store, a log, a page, a document.

Whatever the vendor, the text goes the way that texts go: the tap's memory, a fold, the drawing of a
sampled request, the dashboard and the command.
"""

from __future__ import annotations

import io
import json
import logging
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings

from tests.queries.test_fingerprint import CORE, LITERALS, VENDORS, statements
from unhurried.dashboard import _routes
from unhurried.measure import _errors, _statements, _units, snapshot
from unhurried.measure._record import Record, SampledRecord, current
from unhurried.measure._statements import MOST, note
from unhurried.queries._live import _production, _waterfall

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.dashboard.site")]
CORES = (CORE.encode(), CORE.upper().encode())


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Everything our own loggers say, tracebacks included."""
    monkeypatch.setattr(_errors, "_said", set())
    lines: list[str] = []
    handler = logging.Handler()
    formatter = logging.Formatter()
    handler.emit = lambda record: lines.append(formatter.format(record))  # type: ignore[method-assign]
    logging.getLogger("unhurried").addHandler(handler)
    yield lambda: "\n".join(lines)
    logging.getLogger("unhurried").removeHandler(handler)


def unit(kind: type[Record] = Record) -> Record:
    plain = _units.start("request", "feed/", sample=False)
    assert plain is not None
    return plain if kind is Record else SampledRecord("request", "feed/", plain.store)


def ask(texts: list[Any]) -> None:
    """A sampled request and one that is not, each asking each text four times."""
    for kind in (SampledRecord, Record):
        record = unit(kind)
        for text in texts:
            for _ in range(4):
                note(record, "default", text, record.start, 1000)
        record.store.kept.pop("drawn", None)
        _units.finish(record)


def everything_said(staff: Client) -> str:
    """What people get to see of it."""
    out = io.StringIO()
    call_command("unhurried", "queries", "--limit", "9999", stdout=out)
    call_command("unhurried", "queries", "--json", "--limit", "9999", stdout=out)
    pages = ["/unhurried/queries/", f"/unhurried/routes/{_routes.slug('request', 'feed/')}/"]
    answers = [staff.get(page) for page in pages]
    assert {answer.status_code for answer in answers} == {200}
    html = "".join(answer.content.decode() for answer in answers)
    return out.getvalue() + html + json.dumps(snapshot(), ensure_ascii=False)


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create(username="staff", is_staff=True))
    return client


def left_in(store: Path, said: str) -> list[str]:
    content = {str(p): p.read_bytes() for p in store.rglob("*") if p.is_file()}
    content["said"] = said.encode()
    return [name for name, data in content.items() if any(core in data for core in CORES)]


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(made=statements())
def test_no_literal_gets_into_the_store(
    store: Path, logged: Callable[[], str], monkeypatch: pytest.MonkeyPatch, made: Any
) -> None:
    vendor, sql = made
    for module in (_production, _waterfall):
        monkeypatch.setattr(module, "vendor", lambda alias: vendor)
    ask([sql, sql.encode("utf-8", "replace"), sql[: len(sql) // 2]])
    assert snapshot()["statements"]
    assert left_in(store, json.dumps(snapshot()) + logged()) == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_no_literal_gets_to_people(
    store: Path,
    logged: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    staff: Client,
    vendor: str,
) -> None:
    for module in (_production, _waterfall):
        monkeypatch.setattr(module, "vendor", lambda alias: vendor)
    made = [literal(f"it's {CORE} \"{n}") for n, literal in enumerate(LITERALS[vendor])]
    ask([f"SELECT a, {literal} FROM t{n}" for n, literal in enumerate(made)])
    said = everything_said(staff)
    assert "SELECT a, " in said
    assert left_in(store, said + logged()) == []


def test_what_is_executed_and_what_is_refused(
    store: Path, logged: Callable[[], str], staff: Client
) -> None:
    record = unit(SampledRecord)
    token = current.set(record)
    with connection.cursor() as cursor:
        for text in (
            f"SELECT '{CORE}'",
            f"SELECT '{CORE}",
            f'SELECT "{CORE}" FROM auth_user',
            f"SELECT * FROM auth_user WHERE username = '{CORE}' OR email = \"{CORE}\"",
            f"SELECT /* {CORE} */ 1 -- {CORE}",
            f"SELEKT '{CORE}'",
        ):
            for _ in range(4):
                try:
                    cursor.execute(text)
                except Exception:
                    continue
        for _ in range(4):
            cursor.execute("SELECT %s", [CORE])
            cursor.executemany("UPDATE auth_user SET email = %s WHERE id = 0", [[CORE]])
    current.reset(token)
    _units.finish(record)
    said = everything_said(staff)
    assert "SELEKT %s" in said
    assert left_in(store, said + logged()) == []


@pytest.mark.long
def test_memory_is_bounded_at_a_hundred_thousand_queries(store: Path) -> None:
    code = (str(Path(_statements.__file__).parent / "*"), __file__)  # here the texts are made
    ours = [tracemalloc.Filter(inclusive=True, filename_pattern=each) for each in code]

    def most_held(texts: Iterator[str]) -> int:
        """Bytes that this code holds, at the most; what other threads do is not in it."""
        record, most = unit(SampledRecord), 0
        tracemalloc.start()
        for number, text in enumerate(texts, 1):
            note(record, "default", text, record.start, 1000)
            if number % 20_000 == 0:
                traces = tracemalloc.take_snapshot().filter_traces(ours).traces
                most = max(most, sum(trace.size for trace in traces))
        tracemalloc.stop()
        _units.finish(record)
        assert len(record.statements) <= MOST + 1
        return most

    columns = ", ".join(f"column_{n}" for n in range(30))
    same = most_held(f"SELECT {columns} FROM t" for _ in range(100_000))
    each = most_held(f"SELECT {columns} FROM t WHERE id = {n}" for n in range(100_000))
    assert same < 500_000
    assert each < 3_000_000
    assert sum(s["count"] for s in snapshot()["statements"]) == 200_000
