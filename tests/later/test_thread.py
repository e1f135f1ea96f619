"""The worker's thread leaves nothing open behind it."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from django.db import connection

from unhurried.later._thread import Worker


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
