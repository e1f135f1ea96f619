"""The worker's thread leaves nothing open behind it."""

from __future__ import annotations

import sqlite3
import threading
from typing import Any

import pytest
from django.db import connection

from unhurried.later._thread import Worker


def test_a_signals_handler_may_wake_it_amid_a_wake(monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs in the same thread, which holds the worker's lock."""
    worker = Worker("test", lambda: None)
    start = Worker._start

    def interrupted(self: Worker) -> bool:
        monkeypatch.setattr(Worker, "_start", start)
        found = start(self)
        self.wake()
        return found

    monkeypatch.setattr(Worker, "_start", interrupted)
    waking = threading.Thread(target=worker.wake, daemon=True)
    waking.start()
    waking.join(15)
    assert not waking.is_alive()
    worker.stop()


@pytest.mark.django_db(transaction=True)
def test_it_closes_what_it_has_opened() -> None:
    """Of a database in memory as well, whose connections Django's own ``close`` leaves open."""
    opened: list[Any] = []

    def turn() -> None:
        connection.ensure_connection()
        opened.append(connection.connection)

    worker = Worker("test", turn)
    assert worker.wake()
    thread = worker._thread
    assert thread is not None
    worker.stop()
    thread.join(15)
    assert not thread.is_alive()
    assert opened
    with pytest.raises(sqlite3.ProgrammingError):
        opened[0].execute("SELECT 1")
