"""Which unit of work a thread is busy with, and how another thread looks at its frames.

A frame is never kept: it keeps all that its function holds, and what that refers to. Nor is another
thread's ``f_locals`` asked for twice: before Python 3.13 the second look lets go of what the first
has found, and what ends with it may run other threads, the frame's own among them.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from types import FrameType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ._record import Record
    from ._store import Store

#: (part, line, package), as in ``SampleRow``.
Where = tuple[str, str, str]
#: Called with (innermost frame, part of the record's time line): where a thread is working; None
#: for what is timed exactly anyhow. A room above knows what code is whose.
placed: list[Callable[[FrameType, int], Where | None]] = []
#: Called with the innermost frame: what is under way, a line for each frame, innermost first.
drawn: list[Callable[[FrameType], tuple[str, ...]]] = []
#: Called with an exception that a request has ended in: the line it comes from.
blamed: list[Callable[[BaseException], Where | None]] = []

#: What is under way, by thread: a request, or a step of a coroutine's; and the unit around it, that
#: ``measured``, a command or Celery's signals have opened. A request in a unit is one of its own.
requests: dict[int, Record] = {}
blocks: dict[int, Record] = {}

DEEPEST: Final = 1000  # frames: what is deeper is a recursion, and is looked at no further


def outward(frame: FrameType | None) -> Iterator[FrameType]:
    """The frame and its callers."""
    for _ in range(DEEPEST):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def begin(record: Record) -> tuple[int, Record | None]:
    """This thread is busy with it, until ``end`` is called with the answer."""
    thread = get_ident()
    outer = requests.get(thread)
    requests[thread] = record
    return thread, outer


def end(begun: tuple[int, Record | None]) -> None:
    thread, outer = begun
    if outer is None:
        requests.pop(thread, None)
    else:
        requests[thread] = outer


def busy(store: Store) -> dict[int, Record]:
    """The innermost unit of each thread that is busy with one of this store's."""
    found = {}
    for of_thread in blocks, requests:
        for thread, record in of_thread.copy().items():
            if record.wall:  # left in another thread than it was entered in
                of_thread.pop(thread, None)
            elif record.store is store:
                found[thread] = record
    return found


@contextmanager
def still() -> Iterator[None]:
    """While another thread's frames are walked through, nobody else may run within a step of it.

    Python 3.11 makes a frame's object when it is asked for, may collect garbage to do so, and may
    run other threads to do that: the frame can be gone by then, and the object is of nothing.
    """
    collects = sys.version_info < (3, 12) and gc.isenabled()
    if collects:
        gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _after_fork() -> None:
    requests.clear()
    blocks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
