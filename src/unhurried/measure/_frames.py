"""Which unit of work a thread is busy with, and how another thread looks at its frames.

A frame is never kept: it keeps all that its function holds, and what that refers to. Of another
thread's ``f_locals`` only names that are bound once are asked for: before Python 3.13 the second
look lets go of what the first has found, and what ends with it may run other threads.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
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

#: What ``end`` puts back.
Begun = tuple[dict[int, "Record"], int, "Record | None"]

DEEPEST: Final = 1000  # frames: what is deeper is a recursion, and is looked at no further


def outward(frame: FrameType | None) -> Iterator[FrameType]:
    """The frame and its callers."""
    for _ in range(DEEPEST):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def begin(record: Record, of_thread: dict[int, Record] = requests) -> Begun:
    """This thread is busy with it, until ``end`` is called with the answer."""
    thread = get_ident()
    outer = of_thread.get(thread)
    of_thread[thread] = record
    return of_thread, thread, outer


def end(begun: Begun) -> None:
    """What was under way before is under way again."""
    of_thread, thread, outer = begun
    if outer is None:
        of_thread.pop(thread, None)
    else:
        of_thread[thread] = outer


def around(begun: Begun, record: Record) -> bool:
    """Whether the thread was busy with the record before: then its CPU is counted there."""
    _, thread, outer = begun
    return record is outer or record is blocks.get(thread)


def leave(record: Record) -> None:
    """A block is over, whichever thread it has been entered in."""
    for thread, each in blocks.copy().items():
        if each is record:
            blocks.pop(thread, None)


def busy(store: Store) -> dict[int, Record]:
    """The innermost unit of each thread that is busy with one of this store's."""
    found = {**blocks, **requests}
    return {t: each for t, each in found.items() if not each.wall and each.store is store}


class Still:
    """While other threads' frames are walked through, nobody else may run within a step of it.

    Python 3.11 makes a frame's object when it is asked for, may collect garbage to do so, and may
    run other threads to do that: the frame can be gone by then, and the object is of nothing. So
    nothing is collected meanwhile, by any thread. Who disables the collector in that moment finds
    it enabled afterwards.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._walks, self._collects = 0, False

    def __enter__(self) -> None:
        with self._lock:
            self._walks += 1
            if self._walks == 1 and gc.isenabled():
                self._collects = True
                gc.disable()

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._walks -= 1
            if not self._walks and self._collects:
                self._collects = False
                gc.enable()

    def after_fork(self) -> None:
        """Who walked is not here."""
        if self._collects:
            gc.enable()
        self._lock, self._walks, self._collects = threading.RLock(), 0, False


#: ``with still:``; from Python 3.12 on garbage is collected between two instructions only.
still: AbstractContextManager[None] = Still() if sys.version_info < (3, 12) else nullcontext()


def _after_fork() -> None:
    requests.clear()
    blocks.clear()
    if isinstance(still, Still):
        still.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
