"""The store of this process: opened when first needed, left after a fork, off when it can't be."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.core.signals import setting_changed

from unhurried.conf import settings

from . import _clients, _processes
from . import _layout as L
from ._cost import Cost
from ._errors import TRANSIENT, StoreError, say_once, swallow, told_of_disk
from ._locks import SUPPORTED, unforked
from ._names import Names
from ._rows import Route
from ._slot import Slot, readable, reserve
from ._slot import paths as slots

RETRY_AFTER = 30.0  # seconds
SQLITE = b"SQLite format 3\0"  # how such a file begins


class ForeignFolderError(StoreError):
    """The folder belongs to another user or is open to others."""


class Store:
    """One folder's names, and this process's slot in it.

    What every unit of work looks at lies here together, rather than in the modules it belongs to:
    on a page that has just emptied the processor's caches each place looked at costs.
    """

    __slots__ = (
        *("cost", "countdown", "due", "folder", "left", "lock", "names", "pid", "routes", "slot"),
        *("asked", "asked_until", "clients", "kept", "met", "requests", "__weakref__"),
    )

    def __init__(self, folder: Path) -> None:
        self.left = False  # after a fork, or for another store: then nothing is written any more
        self.cost = Cost()
        self.countdown = 1  # units of work to the next sampled one
        self.due = 0  # when to stand for election next, on the clock of the records
        self.folder = prepare(folder)
        self.names = Names(self.folder)
        self.lock = threading.RLock()  # a signal handler or a __del__ may count in the middle
        self.slot = Slot.claim(self.folder, self.names.id)
        self.pid = self.slot.pid
        try:
            self.clients = _clients.begin(self.folder, self.slot)
            _processes.begin(self.slot)
        except BaseException:
            self.slot.close()  # nobody else would, and each retry would claim one more
            raise
        self.routes: dict[tuple[str, str], Route] = {}
        self.requests: dict[str, Route] = {}  # by name, of requests alone
        self.asked: list[Any] = []  # units that wait for rooms above, see _folding
        self.asked_until = 0  # from when on they do not wait
        self.kept: dict[Any, Any] = {}  # what rooms above remember as long as this is ours
        #: By the unit's name, then by raw SQL: the line a text was met at, see ``_statements``.
        self.met: dict[str, dict[Any, str | None]] = {}

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


def folder() -> Path:
    """The folder by setting, or the default: one per project and user."""
    if settings.STORE:
        return Path(settings.STORE).absolute()
    base = Path("/run") if os.access("/run", os.W_OK) else Path(tempfile.gettempdir())
    return base / f"unhurried-{os.geteuid()}-{_project()}"


def _project() -> str:
    """The same for every process of a project, from whatever folder it is started."""
    root = getattr(django_settings, "BASE_DIR", "")
    name = getattr(django_settings, "ROOT_URLCONF", "")
    module = sys.modules.get(os.environ.get("DJANGO_SETTINGS_MODULE", ""))
    where = f"{root}|{name}|{getattr(module, '__file__', '')}"
    return hashlib.sha256(where.encode()).hexdigest()[:12]


def prepare(path: Path) -> Path:
    """Make the folder, 0700, and refuse one that others own or may open."""
    if not SUPPORTED:
        raise StoreError(
            "The store needs POSIX file locks.", 'Set UNHURRIED = {"MEASURE": False} here.'
        )
    inner = versioned(path)
    for each in (path, inner):
        with suppress(FileExistsError):  # what is there may be no folder
            each.mkdir(mode=0o700, parents=True)
        refuse_foreign(each)
    return inner


def versioned(path: Path) -> Path:
    """Where in the folder this version's files are."""
    return path / f"v{L.VERSION}"


def refuse_foreign(path: Path) -> None:
    """Raise StoreError unless the folder is ours alone."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise ForeignFolderError(
            f"{path} is not a folder.", "Remove it, or name another one in STORE."
        )
    if found.st_uid != os.geteuid():
        raise ForeignFolderError(
            f"{path} belongs to user {found.st_uid}, not to us ({os.geteuid()}).",
            "Name a folder of your own in UNHURRIED['STORE'].",
        )
    if found.st_mode & 0o077:
        raise ForeignFolderError(
            f"{path} is open to others ({stat.S_IMODE(found.st_mode):04o}).", f"chmod 700 {path}"
        )


def examine() -> None:
    """Look whether the store could be used, for the checks; raises StoreError with the way out."""
    try:
        inner = prepare(folder())
        names = Names(inner)
        for path in slots(inner):
            if not readable(path, names.id):
                raise StoreError(f"{path} is no slot of this store.", f"Remove {path}.")
        _examine_history(inner / "history.sqlite")
        _reserve_room(inner)
    except (OSError, ValueError) as error:  # of the latter, a null in the name
        raise _as_store_error(error) from error


def _examine_history(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb") as file:
        start = file.read(len(SQLITE))
    if start not in (b"", SQLITE):
        raise StoreError(f"{path} is no history of ours.", f"Remove {path}.")


def _reserve_room(folder: Path) -> None:
    """Whether one more worker would find room for its numbers."""
    with tempfile.TemporaryFile(dir=folder) as file:
        reserve(file.fileno(), 0, L.BASE_BYTES + L.GROUPS["route"].chunk_bytes)


def _as_store_error(error: Exception) -> StoreError:
    return StoreError(
        f"The store can't be written: {error}.",
        "Make room there or name another folder in UNHURRIED['STORE'].",
    )


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
            fail(_as_store_error(error))
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
        error = _as_store_error(error)
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
