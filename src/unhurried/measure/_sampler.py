"""One process per host is elected to do what needs doing once: history, publishing, pushing.

The lock decides. Who does not hold it tries again every ten seconds, at the end of a unit of work,
so losers have no thread; who does has one daemon thread, and its death frees the lock.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from django.core.cache import caches
from django.db import connections

from . import _moments, _releases, _store
from ._errors import TRANSIENT, StoreError, not_kept, say_once, swallow
from ._history import History
from ._locks import hold, unforked
from ._snapshot import reader, snapshot
from ._store import Store
from ._version import version

PERIOD: Final = 10.0  # seconds
MINUTE: Final = 59.0  # between two moments that are kept

#: Called with ``snapshot()`` every ten seconds in the elected process: pushing sinks subscribe.
every: list[Callable[[dict[str, Any]], None]] = []

_lock_fd: int | None = None
_trying = threading.Lock()


def stand(old: Store, now: int) -> None:
    """Stand for election; called at the end of a unit of work once ``Store.due`` is past."""
    if not _trying.acquire(blocking=False):
        return
    try:
        old.due = now + int(PERIOD * 1e9)
        store = _store.current()  # also leaves a slot that a fork unseen by Python has copied
        if store is not None and store.lost():
            store = _begin_anew(store.folder)
        with unforked:
            elected = store is not None and _lock_fd is None and _elected(store.folder)
        if elected and store is not None and _lock_fd is not None:
            _begin(store.folder, _lock_fd)
    finally:
        _trying.release()


def _begin(folder: Path, fd: int) -> None:
    try:
        threading.Thread(
            target=_work, args=(folder, fd), name="unhurried-sampler", daemon=True
        ).start()
    except RuntimeError:  # none to be had: let another process try, or this one later
        _resign(fd)


def _begin_anew(folder: Path) -> Store | None:
    """Somebody has removed the files: go on in new ones, and let the old election lapse."""
    global _lock_fd
    say_once("%s was removed under this process; measuring starts anew.", folder)
    _lock_fd = None
    _store.forget()
    return _store.current()


def _elected(folder: Path) -> bool:
    global _lock_fd
    fd = os.open(folder / "history.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if not hold(fd):
        os.close(fd)
        return False
    _lock_fd = fd
    return True


def _work(folder: Path, fd: int) -> None:
    """Sample until the store is left."""
    history, minute = History(folder), 0.0
    try:
        while _lock_fd == fd and _is_current(folder):
            began = time.monotonic()
            _sample(history)
            if began >= minute:
                _remember(folder, first=not minute)
                minute = began + MINUTE
            _hang_up()
            time.sleep(max(PERIOD - (time.monotonic() - began), 1.0))
    finally:
        history.close()
        _resign(fd)


def _hang_up() -> None:
    """What this thread has opened for one look in ten seconds: the cache may be on a server."""
    try:
        connections.close_all()
        for cache in caches.all(initialized_only=True):
            cache.close()
            client = vars(cache).get("_cache")  # not one that would be made just now
            for pool in getattr(client, "_pools", {}).values():  # Redis', which close() leaves
                pool.disconnect()
    except (
        Exception
    ) as error:  # boundary: clients of caches and databases raise errors of their own
        say_once("What the sampler has opened can't be closed: %s", error)


def _is_current(folder: Path) -> bool:
    store = _store.opened  # not current(): who only samples opens nothing
    return store is not None and store.folder == folder


def _sample(history: History) -> None:
    try:
        history.sample(time.time())
        numbers = snapshot(statements=False)  # sinks have no use for texts, nor a shared cache
        numbers["last"] = history.last
        history.publish(numbers)
    except StoreError as error:
        say_once("No history is kept: %s %s", error, error.hint)
        return
    except OSError as error:
        if error.errno not in TRANSIENT:
            swallow("history", error)
        not_kept("No history is kept", error)
        return
    except Exception as error:  # boundary: charts are not worth more
        return swallow("history", error)
    for subscriber in every:
        try:
            subscriber(numbers)
        except Exception as error:  # boundary: one sink's trouble is not another's
            swallow("a pushing sink", error)


def _remember(folder: Path, *, first: bool) -> None:
    """Keep this moment, for a verdict of what has happened since, and mark a new release."""
    path = folder / "history.sqlite"
    try:
        source = reader()
        if source is not None:
            moment = _moments.take(source, time.time())
            _moments.save(path, moment)
            if first:
                _releases.mark(path, version(), moment)
    except (OSError, StoreError, sqlite3.Error) as error:
        not_kept("Verdicts of the last minutes can't be had", error)
    except Exception as error:  # boundary: a verdict is not worth more
        swallow("a moment", error)


def _resign(fd: int) -> None:
    global _lock_fd
    if _lock_fd == fd:
        _lock_fd = None
    os.close(fd)


def _after_fork() -> None:
    """The lock is the parent's: our copy of its descriptor must not outlive it."""
    global _lock_fd, _trying
    if _lock_fd is not None:
        os.close(_lock_fd)
    _lock_fd, _trying = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
