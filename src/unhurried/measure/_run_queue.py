"""How long a thread was ready to run while others had the cores, as Linux counts it.

``/proc/thread-self/schedstat``: the second number, nanoseconds since the thread began. A descriptor
tells of the thread that opened it, so each thread has its own, closed when the thread ends.
"""

from __future__ import annotations

import os
import threading
from typing import Final

PATH: Final = "/proc/thread-self/schedstat"
LONGEST: Final = 64  # bytes: three numbers

_there = True  # until it was found missing: then for good
_own = threading.local()


class _Descriptor:
    __slots__ = ("fd",)

    def __init__(self) -> None:
        self.fd = os.open(PATH, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if getattr(self, "fd", -1) >= 0:  # it may never have been opened
            os.close(self.fd)


def waited() -> int | None:
    """Nanoseconds this thread has waited for a core so far; None where nobody tells."""
    global _there
    if not _there:
        return None
    try:
        descriptor = getattr(_own, "descriptor", None)
        if descriptor is None:
            descriptor = _own.descriptor = _Descriptor()
        return int(os.pread(descriptor.fd, LONGEST, 0).split()[1])
    except (FileNotFoundError, PermissionError, IndexError, ValueError):
        _there = False  # no Linux, or one that does not count
    except OSError:  # no descriptor to be had just now
        pass
    return None


def _after_fork() -> None:
    """The parent's thread is not ours."""
    global _own
    _own = threading.local()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
