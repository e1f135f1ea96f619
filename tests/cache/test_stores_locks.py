"""Files and tables that somebody else holds: nobody waits for long, and most not at all."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from unhurried.cache._errors import Unavailable
from unhurried.cache._stores import store_for
from unhurried.cache._stores._file import FileStore

BACKENDS = "django.core.cache.backends"


@pytest.fixture
def files(tmp_path: Path) -> Iterator[FileStore]:
    place = {"BACKEND": f"{BACKENDS}.filebased.FileBasedCache", "LOCATION": str(tmp_path)}
    with override_settings(CACHES={"default": place}):
        store = store_for("default")
        assert isinstance(store, FileStore)
        yield store


def lock_of(store: FileStore, key: str) -> int:
    """Somebody holds what this key's lease is taken under."""
    store.add(key, b"before", 0.001)
    fd = os.open(store.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def test_a_lease_that_is_taken_is_no_reason_to_wait(files: FileStore) -> None:
    fd = lock_of(files, "a+lease")
    try:
        files.set("a+lease", b"holder", 60)
        began = time.monotonic()
        assert not files.add("a+lease", b"another", 60)
        assert time.monotonic() - began < 0.9  # the lock's own patience is a second
    finally:
        os.close(fd)


def test_a_lock_that_is_held_makes_others_do_without(files: FileStore) -> None:
    fd = lock_of(files, "a+lease")
    try:
        time.sleep(0.01)  # what lock_of has put there is over
        with pytest.raises(Unavailable):
            files.add("a+lease", b"holder", 60)
    finally:
        os.close(fd)
    assert files.add("a+lease", b"holder", 60)


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any) -> Iterator[Any]:
    """A database cache in a SQLite file whose connections are patient: ten seconds."""
    place = {**connections.settings["default"], "NAME": tmp_path / "data.sqlite"}
    place["OPTIONS"] = {"timeout": 10, "init_command": "PRAGMA busy_timeout = 10000"}
    monkeypatch.setitem(connections.settings, "default", place)
    cache = {"BACKEND": f"{BACKENDS}.db.DatabaseCache", "LOCATION": "entries"}
    known = connections["default"]
    del connections["default"]
    try:
        with django_db_blocker.unblock(), override_settings(CACHES={"default": cache}):
            call_command("createcachetable", verbosity=0)
            store: Any = store_for("default")
            yield store
            store._connections.empty()
            connections["default"].close()
    finally:
        connections["default"] = known


def test_a_writer_that_does_not_end_holds_up_nobody(table: Any, tmp_path: Path) -> None:
    writer = sqlite3.connect(tmp_path / "data.sqlite", isolation_level=None)
    table.set("a", b"before", 60)
    writer.execute("BEGIN IMMEDIATE")
    try:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            table.set("a", b"after", 60)
        assert time.monotonic() - began < 5 * 0.2
    finally:
        writer.execute("ROLLBACK")
        writer.close()
    table.set("a", b"after", 60)
    assert table.get_many(["a"]) == {"a": b"after"}
