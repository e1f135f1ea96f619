"""File locks: who holds a slot, who is elected, who may name a row.

``flock``, not ``lockf``: the latter is lost as soon as any descriptor of the file is closed.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from ._errors import StoreError

if sys.platform == "win32":  # where _store refuses to open, so that nothing here is called
    fcntl = None
else:
    import fcntl

SUPPORTED: Final = fcntl is not None
PATIENCE: Final = 1.0  # seconds
TRIED: Final = 30.0  # seconds that a lock is little more than tried, once somebody waited in vain
_in_vain: dict[Path, float] = {}  # until when, by folder

#: Held while a lock is taken, and across every fork: a child that inherited the descriptor before
#: anybody knew it would hold the lock for its whole life.
unforked = threading.RLock()
#: The same while a thread of ours is in SQLite: a child that inherited the library's own locks as
#: taken would wait for ever when it opens a database. No request waits for this one.
in_sqlite = threading.RLock()


def _release(lock: Any) -> None:
    """In a child. Of hooks, uWSGI runs this one alone: it forks behind Python's back."""
    with suppress(RuntimeError):
        lock.release()


if hasattr(os, "register_at_fork"):
    for each in (unforked, in_sqlite):
        os.register_at_fork(
            before=each.acquire,
            after_in_parent=each.release,
            after_in_child=partial(_release, each),
        )


def hold(fd: int) -> bool:
    """Take the lock for as long as the descriptor is open; False if somebody has it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(fd: int) -> bool:
    """Whether somebody holds it. Ask inside ``locked``: a claimer would take the asker for one."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone in the store: for naming a row, claiming a slot, asking who is alive."""
    with unforked:
        fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _wait_for(fd, folder)
            yield
        finally:
            os.close(fd)


def _wait_for(fd: int, folder: Path) -> None:
    """Holders need microseconds; a stopped one must not stop the pages of this process."""
    now = time.monotonic()
    deadline = now + (PATIENCE / 100 if now < _in_vain.get(folder, 0.0) else PATIENCE)
    while not hold(fd):
        if time.monotonic() > deadline:
            _in_vain[folder] = time.monotonic() + TRIED
            raise StoreError(
                f"{folder}/lock has been held for {PATIENCE:g} s.",
                f"Find the process that holds it: fuser {folder}/lock",
            )
        time.sleep(0.0005)
    _in_vain.pop(folder, None)
