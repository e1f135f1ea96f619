"""What goes wrong and what becomes of it: transient errors fail open, bugs raise under STRICT."""

from __future__ import annotations

import errno
import logging
from typing import Final

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


class StoreError(Exception):
    """The store can't be used; ``hint`` names the way out."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


_said: set[str] = set()


def say_once(message: str, *args: object) -> None:
    """One warning per text and process."""
    text = message % args if args else message
    if text not in _said:
        _said.add(text)
        logger.warning(text)


def swallow(where: str, error: Exception) -> None:
    """End of a named boundary: raise under STRICT, else log the first of its kind, and go on."""
    if settings.STRICT:
        raise error
    kind = f"{where}: {type(error).__name__}"
    if kind not in _said:
        _said.add(kind)
        logger.error("unhurried went on without %s", where, exc_info=error)
