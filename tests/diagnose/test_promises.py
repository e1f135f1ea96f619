"""The loop closed, on a real store: what is found under one release is compared under the next."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from django.test import Client, override_settings

from tests.diagnose.windows import healthy, route, sighting, statement, unit, vital
from unhurried.diagnose import _promises, _verdict_text
from unhurried.diagnose._asking import of
from unhurried.diagnose._verdict import FRONT_END, Verdict
from unhurried.diagnose.reading import verdict
from unhurried.measure import StoreError, _moments, _releases, _sampler
from unhurried.measure.reading import (
    VERSION,
    Release,
    Window,
    moment,
    reader,
    releases,
    since,
    window,
)

LOOP = "pins/feed.html:10"


remember = _sampler._remember


@pytest.fixture(autouse=True)
def nobody_else_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is elected, too, and its version is another than those here."""
    monkeypatch.setattr(_sampler, "_remember", lambda *args, **kwargs: None)


@pytest.fixture
def folder(store: Path) -> Path:
    return store / f"v{VERSION}"


def mark(folder: Path, name: str) -> None:
    source = reader()
    assert source is not None
    _releases.mark(folder / "history.sqlite", name, _moments.now(source))


def visit(client: Client, times: int, queries: int) -> None:
    for _ in range(times):
        client.get(f"/queries/{queries}/")


def found_on(name: str):
    """A verdict whose finding is a loop on that route, which takes half of its time."""
    window = healthy(
        units={unit(name): route(wall=60, db=32, template=24)},
        statements=[statement(name, "LOOP", count=100_000), statement(name)],
        sightings=[sighting(name, LOOP, 100_000)],
        samples=[],
    )
    found = of(window)
    assert [cause.key for cause in found.findings] == [f"loop:{name}:{LOOP}"]
    return found


@pytest.mark.django_db
def test_what_was_promised_stands_beside_what_was_had(client: Client, folder: Path) -> None:
    visit(client, 1, 1)
    mark(folder, "one")
    visit(client, 30, 120)
    name = "queries/<int:n>/"
    told = found_on(name)
    _promises.save("one", told)
    assert verdict().promises == []  # nothing has been released since
    mark(folder, "two")
    visit(client, 60, 1)
    [promise] = verdict().promises
    assert (promise.route, promise.key) == (name, f"loop:{name}:{LOOP}")
    assert promise.promised == told.findings[0].relief
    assert promise.had == pytest.approx(1 - promise.after / promise.before)
    assert promise.had > 0.5
    assert verdict().release == "two"
    lines = " ".join(_verdict_text.lines(verdict(), 400, colour=False))
    assert "gone since release two. Promised -" in lines


@pytest.mark.django_db
def test_a_release_has_its_whole_name(client: Client, folder: Path) -> None:
    """What deploys call it may be long, and differ in its end alone."""
    one, two = (f"registry.example.com/shop/storefront-web:2026-11-30.{n}" for n in (1, 2))
    visit(client, 1, 1)
    mark(folder, one)
    visit(client, 30, 40)
    _promises.save(one, found_on("queries/<int:n>/"))
    mark(folder, two)
    visit(client, 60, 2)
    assert [each.name for each in releases()] == [one, two]
    assert len(verdict().promises) == 1


@pytest.mark.django_db
def test_what_is_still_there_is_no_kept_promise(client: Client, folder: Path) -> None:
    visit(client, 1, 1)
    mark(folder, "one")
    visit(client, 30, 10)
    told = found_on("queries/<int:n>/")
    _promises.save("one", told)
    mark(folder, "two")
    visit(client, 30, 10)
    assert _promises.kept(told) == []


@pytest.mark.django_db
def test_nothing_is_gone_while_there_is_too_little(client: Client, folder: Path) -> None:
    """The same page as before; the verdict, too, says that it wants more of them."""
    visit(client, 1, 1)
    mark(folder, "one")
    visit(client, 30, 10)
    _promises.save("one", found_on("queries/<int:n>/"))
    mark(folder, "two")
    visit(client, 30, 10)
    found = verdict()
    assert (found.state, found.promises) == ("not enough data", [])


def ill(loops: int):
    """A page of so many loops; each takes a share of it."""
    each = 1_000_000 // loops
    return healthy(
        units={unit("feed/"): route(wall=800, db=300, template=490)},
        statements=[statement("feed/", "LOOP", count=loops * each), statement("feed/")],
        sightings=[sighting("feed/", f"feed.html:{n}", each) for n in range(loops)],
        samples=[],
    )


@pytest.mark.parametrize(
    ("loops", "current"),
    [
        (1, of(ill(1), worth=9.0)),
        (1, of(healthy())),
        (1, of(Window(0.0, 10.0, whole=True))),
        (16, of(ill(16))),
    ],
    ids=["another worth", "other minutes", "too few minutes", "more than are told"],
)
def test_what_another_verdict_does_not_show_is_not_gone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, loops: int, current: Verdict
) -> None:
    """All since the release is asked, whatever was asked for."""
    promise = {"title": "", "cause": "own bugs", "route": "feed/", "promised": 0.5}
    told = [{"key": f"loop:feed/:feed.html:{n}", **promise} for n in range(loops)]
    both = Release(0.0, "one"), ill(loops), ill(loops)
    monkeypatch.setattr(_promises, "before_and_after", lambda: both)
    monkeypatch.setattr(_promises.files, "read", lambda path: {"releases": {"one": told}})
    assert _promises.kept(current) == []
    mended = Release(0.0, "one"), ill(loops), healthy()
    monkeypatch.setattr(_promises, "before_and_after", lambda: mended)
    assert len(_promises.kept(of(healthy()))) == loops


@pytest.mark.parametrize(("views", "told"), [(200, 1), (19, 0)], ids=str)
def test_a_front_end_is_compared_by_what_browsers_take(
    folder: Path, monkeypatch: pytest.MonkeyPatch, views: int, told: int
) -> None:
    slow, quick = healthy(vitals=[vital("feed/", "front", 3.0)]), healthy()
    quick.vitals = [vital("feed/", "front", 0.7, count=views)]
    promise = {"key": "front:feed/", "title": "", "cause": FRONT_END, "route": "feed/"}
    known = {"releases": {"one": [promise | {"promised": 0.75}]}}
    monkeypatch.setattr(_promises, "before_and_after", lambda: (Release(0.0, "one"), slow, quick))
    monkeypatch.setattr(_promises.files, "read", lambda path: known)
    found = _promises.kept(of(quick))
    assert len(found) == told
    for each in found:
        assert (each.before, each.after) == (pytest.approx(3.0081), pytest.approx(0.7081))


@pytest.mark.django_db
def test_a_route_that_few_have_visited_is_not_compared(client: Client, folder: Path) -> None:
    visit(client, 1, 1)
    mark(folder, "one")
    visit(client, 30, 10)
    _promises.save("one", found_on("queries/<int:n>/"))
    mark(folder, "two")
    visit(client, 19, 1)
    for _ in range(60):
        client.get("/empty/")
    assert verdict().promises == []


def test_a_release_is_marked_once(client: Client, folder: Path) -> None:
    client.get("/empty/")
    for name in ("one", "one", "two", "two", "one"):
        mark(folder, name)
    assert [each.name for each in releases()] == ["one", "two", "one"]


def test_the_elected_process_marks_the_version_that_serves(client: Client, folder: Path) -> None:
    client.get("/empty/")
    with override_settings(UNHURRIED={"STORE": str(folder.parent), "VERSION": "51c0"}):
        client.get("/empty/")
        remember(folder, first=True)
    assert [each.name for each in releases()] == ["51c0"]


def test_a_finding_is_kept_until_the_release_ends(store: Path, folder: Path) -> None:
    """A quiet night under the same release makes nothing unsaid."""
    _promises.save("one", found_on("feed/"))
    _promises.save("one", of(healthy()))
    document = json.loads((folder / "promises.json").read_text())
    assert [each["route"] for each in document["releases"]["one"]] == ["feed/"]


def test_promises_are_bounded(store: Path, folder: Path) -> None:
    for number in range(30):
        _promises.save(f"v{number}", found_on("feed/"))
    document = json.loads((folder / "promises.json").read_text())
    assert list(document["releases"]) == [f"v{number}" for number in range(20, 30)]


@pytest.mark.parametrize("content", ["", "[]", '{"releases": 3}', "{", "null"], ids=str)
def test_a_damaged_file_promises_nothing(client: Client, folder: Path, content: str) -> None:
    client.get("/empty/")
    mark(folder, "one")
    mark(folder, "two")
    (folder / "promises.json").write_text(content)
    assert verdict().promises == []


def test_the_last_minutes_are_told_apart(client: Client, folder: Path) -> None:
    for _ in range(60):
        client.get("/empty/")
    source = reader()
    assert source is not None
    then = _moments.take(source, time.time() - 300)
    _moments.save(folder / "history.sqlite", then)
    for _ in range(7):
        client.get("/empty/")
    assert window().units["request", "empty/"]["requests"] == 67
    recent = window(5)
    assert recent.units["request", "empty/"]["requests"] == 7
    assert recent.seconds == pytest.approx(300, abs=5)
    assert not recent.whole


def test_minutes_that_are_not_kept_are_told_from_the_oldest(client: Client, folder: Path) -> None:
    client.get("/empty/")
    source = reader()
    assert source is not None
    _moments.save(folder / "history.sqlite", _moments.take(source, time.time() - 60))
    client.get("/empty/")
    assert window(30).seconds == pytest.approx(60, abs=5)


def test_since_a_moment(client: Client, folder: Path) -> None:
    client.get("/empty/")
    before = moment()
    for _ in range(3):
        client.get("/empty/")
    assert since(before).units["request", "empty/"]["requests"] == 3


def test_moments_are_kept_for_an_hour(client: Client, folder: Path) -> None:
    client.get("/empty/")
    source = reader()
    assert source is not None
    now = time.time()
    for minute in range(120):
        _moments.save(folder / "history.sqlite", _moments.take(source, now - 60 * (120 - minute)))
    later = _moments.now(source)
    oldest = _moments.latest_before(folder / "history.sqlite", 0, later)
    assert oldest is not None
    assert now - oldest.at == pytest.approx(3660, abs=60)


def test_a_history_that_is_none_is_said_with_the_way_out(client: Client, folder: Path) -> None:
    client.get("/empty/")
    (folder / "history.sqlite").write_bytes(b"no database of ours, and long enough to be one" * 9)
    with pytest.raises(StoreError, match="can't be read") as caught:
        window(5)
    assert caught.value.hint == f"Remove {folder}/history.sqlite."
