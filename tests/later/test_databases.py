"""A thread works in the database that was meant when it was asked, whatever an alias names now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connections

from unhurried import testing
from unhurried.later import _databases, _kick, _thread
from unhurried.later._hang_on import _run
from unhurried.later._outbox import _sweep, _tables
from unhurried.later.models import Work as Page
from unhurried.later.reading import figures, kick

from .conftest import Work, wait_until


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], Path]:
    """What the end of a test run does: the alias names the site's own database again."""

    def give_back() -> Path:
        path = tmp_path / "db.sqlite3"
        monkeypatch.setitem(connections.settings["default"], "NAME", str(path))
        return path

    return give_back


@pytest.fixture
def nobody_means_this() -> Iterator[None]:
    _databases.mean({"default": ("a test's", "", "")})
    yield
    _databases.mean({})


def test_what_a_test_has_asked_for_is_not_done_in_the_sites_database(
    work: Work, ends: Callable[[], Path]
) -> None:
    work.may_end.clear()
    kick("work")
    wait_until(lambda: work.begun == 1)
    kick("work")
    ends()
    work.may_end.set()
    wait_until(lambda: figures().waiting == 0)
    kick("work")  # this is meant for the one that it finds
    wait_until(lambda: work.done == 2)
    assert work.begun == 2


def test_the_sweep_of_a_test_does_not_look_into_the_sites_database(
    monkeypatch: pytest.MonkeyPatch, ends: Callable[[], Path]
) -> None:
    looks: list[list[str]] = []
    monkeypatch.setattr(_tables, "_migrated", {"default"})
    monkeypatch.setattr(_sweep, "look", lambda: looks.append(_tables.aliases()))
    sweeper = _sweep.Sweeper()
    with testing.override(SWEEP=0.01):
        sweeper.watch()
        wait_until(lambda: len(looks) > 1)
        path = ends()
        path.touch()
        seen = len(looks)
        wait_until(lambda: len(looks) > seen + 2)
    sweeper.worker.stop()
    assert looks[0] == ["default"]
    assert looks[-1] == []
    assert path.stat().st_size == 0


def test_a_look_makes_no_database(
    monkeypatch: pytest.MonkeyPatch, ends: Callable[[], Path]
) -> None:
    monkeypatch.setattr(_tables, "_migrated", set())
    monkeypatch.setattr(_tables, "_missing", {})
    path = ends()

    def look() -> None:
        _sweep.look()
        _thread.close_all()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert not path.exists()


@pytest.mark.parametrize("name", ["file:{}?mode=rwc", "{}"])
def test_a_file_is_there_or_not(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    monkeypatch.setitem(connections.settings["default"], "NAME", name.format(path))
    assert not _databases.is_there("default")
    path.touch()
    assert _databases.is_there("default")


@pytest.mark.django_db
def test_no_page_is_made_of_what_waits_in_another_database(nobody_means_this: None) -> None:
    Page.objects.create(key="a", route="r/", asked="{}")
    assert _run.work_off() == 0
    _run.drain()
    assert not any(worker.alive for worker in _run._pool.workers)
    assert _tables.aliases() == []


@pytest.mark.django_db
def test_who_sweeps_rests_without_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever CONN_MAX_AGE says: who wants to drop a database must not wait for us."""
    open_ones: list[bool] = []
    monkeypatch.setattr(_sweep, "look", lambda: connections["default"].ensure_connection())
    sweeper = _sweep.Sweeper()
    sweeper._has_begun = True

    def turn() -> None:
        with testing.override(SWEEP=1):
            sweeper.turn()
        open_ones.append(connections["default"].connection is not None)

    thread = threading.Thread(target=turn)
    thread.start()
    thread.join()
    assert open_ones == [False]
    assert _kick.figures().kicks == 0
