"""What goes wrong and what becomes of it: transient errors fail open, bugs raise under STRICT."""

from __future__ import annotations

import errno
import logging
import sqlite3
from typing import Any, Final

from unhurried.conf import settings

logger = logging.getLogger("unhurried")

# The closed list: the world is full, gone, slow or read-only. Anything else is a bug of ours.
TRANSIENT: Final = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT),
        *(errno.ENOTDIR, errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM, errno.ELOOP),
        *(errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE, errno.ETIMEDOUT, errno.EHOSTUNREACH),
        *(errno.ENETUNREACH, errno.EAGAIN, errno.ENOTCONN, errno.EISDIR, errno.EFBIG),
    }
)


#: A disk that takes nothing: every file that was to be written tells the same.
_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_OF_SQLITE: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR})


class StoreError(Exception):
    """The store can't be used; ``hint`` names the way out."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.hint)


_said: set[str] = set()


def say_once(message: str, *args: object) -> None:
    """One warning per text and process."""
    text = message % args if args else message
    if text not in _said:
        _said.add(text)
        logger.warning(text)


def not_kept(what: str, error: Exception) -> None:
    """Say that something could not be written; of a disk that takes nothing, the first alone."""
    if not (is_of_disk(error) and "disk" in _said):
        say_once("%s: %s", what, error)
    told_of_disk(error)


def told_of_disk(error: Exception) -> None:
    """It has been said: what else can't be written there is not worth another warning."""
    if is_of_disk(error):
        _said.add("disk")


def is_of_disk(error: Exception) -> bool:
    """Whether the disk is full or read-only."""
    if isinstance(error, OSError):
        return error.errno in _DISK
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_SQLITE


def swallow(where: str, error: Exception) -> None:
    """End of a named boundary: raise under STRICT, else log the first of its kind, and go on."""
    if settings.STRICT:
        raise error
    kind = f"{where}: {type(error).__name__}"
    if kind not in _said:
        _said.add(kind)
        logger.error("unhurried went on without %s", where, exc_info=error)
