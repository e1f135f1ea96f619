"""The store of this process: opened when first needed, left after a fork, off when it can't be."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.core.signals import setting_changed

from unhurried.conf import settings

from . import _clients, _processes
from . import _layout as L
from ._compiled import compiled
from ._cost import Cost
from ._errors import TRANSIENT, StoreError, say_once, swallow, told_of_disk
from ._folder import as_store_error, folder, prepare
from ._locks import unforked
from ._names import Names
from ._rows import Route
from ._slot import Slot

RETRY_AFTER = 30.0  # seconds


class Hot:
    """What every unit of work looks at, together: on a page that has just emptied the processor's
    caches each place looked at costs.
    """

    __slots__ = (
        *("asked", "asked_until", "clients", "countdown", "due", "left", "lock", "met", "requests"),
    )

    def __init__(self) -> None:
        self.left = False  # after a fork, or for another store: then nothing is written any more
        self.countdown = 1  # units of work to the next sampled one
        self.due = 0  # when to stand for election next, on the clock of the records
        self.clients: _clients.Clients | None = None
        self.requests: dict[str, Route] = {}  # by name, of requests alone
        self.asked: list[Any] = []  # units that wait for rooms above, see _folding
        self.asked_until = 0  # from when on they do not wait
        #: By the unit's name, then by raw SQL: the line a text was met at, see ``_statements``.
        self.met: dict[str, dict[Any, str | None]] = {}


if compiled is not None:
    Hot = compiled.Hot  # type: ignore[misc]


class Store(Hot):
    """One folder's names, and this process's slot in it."""

    __slots__ = ("__weakref__", "cost", "folder", "kept", "names", "pid", "routes", "slot")

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.lock = threading.RLock()  # a signal handler or a __del__ may count in the middle
        self.cost = Cost()
        self.folder = prepare(folder)
        self.names = Names(self.folder)
        self.slot = Slot.claim(self.folder, self.names.id)
        self.pid = self.slot.pid
        try:
            self.clients = _clients.begin(self.folder, self.slot)
            _processes.begin(self.slot)
        except BaseException:
            self.slot.close()  # nobody else would, and each retry would claim one more
            raise
        self.routes: dict[tuple[str, str], Route] = {}
        self.kept: dict[Any, Any] = {}  # what rooms above remember as long as this is ours

    def lost(self) -> bool:
        """Whether the files were removed under us: then we count for nobody."""
        return self.slot.lost() or not self.names.path.exists()

    def route(self, key: tuple[str, str]) -> Route:
        """The lanes of a route or unit, ``key`` being (kind, name)."""
        row = self.routes.get(key)
        return self._open_route(key) if row is None else row

    def _open_route(self, key: tuple[str, str]) -> Route:
        group = L.GROUPS["route"]
        with self.lock:
            number = self.names.row(*key)
            row = Route(self.slot.lanes(group, number), self.slot.fine(group, number))
            if len(self.routes) < 4 * L.ROWS:  # names beyond the cap are all (other)
                self.routes[key] = row
                if key[0] == "request":
                    self.requests[key[1]] = row
        return row

    def row(self, group: str, fields: Sequence[Any]) -> tuple[int, memoryview]:
        """(number, lanes) of a row that is named by several fields; ask for it under the lock."""
        number = self.names.row(group, _joined(fields))
        return number, self.slot.lanes(L.GROUPS[group], number)

    def has(self, group: str, fields: Sequence[Any]) -> bool:
        """Whether there is such a row already, as far as this process knows."""
        return (group, _joined(fields)) in self.names.rows[group]

    def count(self, group: str, fields: Sequence[Any]) -> int:
        """How many rows' names begin with these fields."""
        beginning = f"{_joined(fields)[:-1]},"
        return sum(name.startswith(beginning) for _, name in self.names.order[group])

    def known_as(self, kind: str, name: str) -> str:
        """The name that a unit's numbers stand under: its own, cut, or (other)."""
        return self.stands_under(kind, name)[1]

    def stands_under(self, kind: str, name: str) -> tuple[str, str]:
        """(kind, name) of its row; (other) has the kind of whoever came to it first."""
        return self.names.order["route"][self.names.row(kind, name)]


def _joined(fields: Sequence[Any]) -> str:
    return json.dumps(fields, separators=(",", ":"))


#: Called with a store that is about to be left by the process it is of, while something waits.
leaving: list[Callable[[Store], None]] = []
#: The store of this process, if it is open; ``current()`` opens it.
opened: Store | None = None
_opening = threading.RLock()
_busy = False  # opening: a signal handler that counts in the middle finds no store
_failed: StoreError | None = None
_retry_at = 0.0


def current() -> Store | None:
    """The open store, or None while measuring is off. Never raises for a reason of the world's."""
    store = opened
    if store is not None and store.pid == os.getpid():
        return store
    return _open()


def failure() -> StoreError | None:
    """Why measuring is off in this process, if it is."""
    return _failed


def _open() -> Store | None:
    global opened, _failed, _busy
    with _opening, unforked:
        if opened is not None and opened.pid == os.getpid():
            return opened
        if _busy or not settings.MEASURE or time.monotonic() < _retry_at:
            return None
        _busy = True
        try:
            opened, _failed = Store(folder()), None
        except (OSError, StoreError) as error:
            fail(error)
        except Exception as error:  # boundary: a meter never breaks a page
            fail(as_store_error(error))
            swallow("the store", error)
        finally:
            _busy = False
        return opened


def fail(error: OSError | StoreError, store: Store | None = None) -> None:
    """Measuring is off until RETRY_AFTER has passed; the site goes on.

    Nothing comes of the failure of a ``store`` that has been left already.
    """
    global _failed, _retry_at
    if store is not None and store.left:
        return
    if isinstance(error, OSError):
        if error.errno not in TRANSIENT:
            swallow("the store", error)
        told_of_disk(error)
        error = as_store_error(error)
    forget()
    _failed, _retry_at = error, time.monotonic() + RETRY_AFTER
    say_once("Measuring is off in this process: %s %s", error, error.hint)


def forget() -> None:
    """Let go of the slot; the next use claims one."""
    global opened, _failed, _retry_at
    old, opened, _failed, _retry_at = opened, None, None, 0.0
    if old is not None and old.asked and old.pid == os.getpid():
        for finish in leaving:
            finish(old)
    if old is not None:
        old.left = True
        _close(old)


def _close(left: Store) -> None:
    if left.pid != os.getpid():  # copied by a fork: its lock may be held by nobody for ever
        return left.slot.close()
    with left.lock:  # no thread of ours may be making it grow
        left.slot.close()


def _after_fork() -> None:
    global _opening, _busy
    _opening, _busy = threading.RLock(), False  # another thread of the parent may have held it
    forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _setting_changed(*, setting: str, **kwargs: object) -> None:
    if setting == "UNHURRIED":
        with _opening:  # a thread may just be opening the folder that was named until now
            forget()


setting_changed.connect(_setting_changed, dispatch_uid="unhurried.store")
