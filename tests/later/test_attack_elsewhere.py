"""The same in other processes, and of other databases: SQLite's, whatever the suite runs on."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.db import connection, connections, transaction

from unhurried.later import _drain, _kick, _report, later, task
from unhurried.later._hang_on import _visit
from unhurried.later._outbox import _tables
from unhurried.later.reading import paused

from .inbox.models import Message
from .outbox import drained, drained_once, messages, reasons


def in_child(function: Any) -> int:
    """How a fork ends that does this: 0, if well; it is ended after three seconds."""
    pid = os.fork()
    if not pid:
        threading.Timer(3, lambda: os._exit(99)).start()
        try:
            function()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_fork_in_the_middle_of_a_report_does_not_stop_the_childs_drain() -> None:
    with _report._turn:  # another thread of the parent's has it
        assert in_child(_report.now_and_then) == 0


def test_a_child_of_a_process_that_keeps_some_waiting_keeps_none(monkeypatch: Any) -> None:
    monkeypatch.setattr(_visit, "_holds", threading.BoundedSemaphore(4))

    def child() -> None:
        for _ in range(4):
            assert _visit._holds.acquire(blocking=False)

    for _ in range(4):
        _visit._holds.acquire()
    assert in_child(child) == 0


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections to databases that no test knows of."""

    def ensure(self: Any) -> None:
        if self.connection is None:
            with self.wrap_database_errors:
                self.connect()

    monkeypatch.setattr(type(connections["default"]), "ensure_connection", ensure, raising=False)


def forget(alias: str) -> None:
    """A connection that the end of an earlier test may have opened anew."""

    if hasattr(connections._connections, alias):
        connections[alias].close()
        del connections[alias]


@pytest.fixture
def legacy(allowed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Any]:
    """Another database of the site's, without our tables, that is away just now."""

    away = {**connections.settings["default"], "NAME": tmp_path / "no" / "folder" / "db"}
    monkeypatch.setitem(connections.settings, "legacy", away)
    monkeypatch.setattr(_tables, "_missing", {})
    yield away
    forget("legacy")


@pytest.mark.django_db
def test_a_database_without_tables_that_is_away_stops_no_other(legacy: Any) -> None:
    """rules/later.md: the database is away: it is tried again; each has its own."""
    messages(1)
    later(Message.objects.all()).update(views=1)
    drained_once()
    assert Message.objects.get().views == 1


@pytest.mark.django_db
def test_a_database_without_tables_that_is_away_breaks_no_page(legacy: Any) -> None:
    """howto/later.md: flush_for: one query if there is nothing."""
    assert later.flush_for("ann")


class Replicated:
    """As Django's documentation has it: reads are of a replica."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "replica" if model is Message else None

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, *args: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, *args: Any, **hints: Any) -> bool:
        return db == "default"


seen: list[str] = []


@task
def see(what: Any) -> None:
    seen.extend(each.text for each in (what if isinstance(what, list) else [what]))


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.django_db(transaction=True)
def test_a_task_sees_what_was_committed_and_not_what_a_replica_has(
    whole: bool, allowed: None, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any
) -> None:
    """howto/later.md: instances are loaded again; delay(): it sees what was committed."""

    forget("replica")
    messages(1)
    with closing(sqlite3.connect(tmp_path / "replica")) as behind:
        connection.connection.backup(behind)
    replica = {**connections.settings["default"], "NAME": tmp_path / "replica"}
    monkeypatch.setitem(connections.settings, "replica", replica)
    settings.DATABASE_ROUTERS = [Replicated()]
    _drain.install()
    try:
        rows = Message.objects.all()
        row = rows.get()
        with paused():
            with transaction.atomic():
                Message.objects.update(text="new")  # to the primary; the replica is behind
                seen.clear()
                see.delay(rows if whole else row)
            drained()
            while _kick._kicks.pending.pop():
                pass
        assert (reasons(), seen) == ([], ["new"])
    finally:
        forget("replica")


class Documented(Replicated):
    """Django's documentation, "An example": all models may be migrated everywhere."""

    def allow_migrate(self, db: str, *args: Any, **hints: Any) -> bool:
        return True


@pytest.fixture
def replica(
    allowed: None,
    transactional_db: None,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    tmp_path: Any,
) -> Iterator[Any]:
    """``replicate()``: what is in the primary stands in a database that can only be read."""

    forget("replica")
    path = tmp_path / "replica"

    def replicate() -> None:
        with closing(sqlite3.connect(path)) as behind:
            connection.connection.backup(behind)

    given = connections.settings["default"]
    options = {**given.get("OPTIONS", {}), "uri": True}
    name = f"file:{path}?mode=ro"
    monkeypatch.setitem(
        connections.settings, "replica", {**given, "NAME": name, "OPTIONS": options}
    )
    monkeypatch.setattr(_tables, "_migrated", set())
    monkeypatch.setattr(_tables, "_missing", {})
    settings.DATABASE_ROUTERS = [Documented()]
    _drain.install()
    yield replicate
    forget("replica")


def test_a_replica_breaks_no_page_that_reads_its_writes(replica: Any) -> None:
    """howto/later.md: flush_for applies what was deferred with actor=."""
    messages(1)
    with paused():
        with transaction.atomic():
            later(Message.objects.using("default"), actor="ann").update(views=1)
        while _kick._kicks.pending.pop():
            pass
        replica()
        assert later.flush_for("ann")
    assert Message.objects.using("default").get().views == 1
