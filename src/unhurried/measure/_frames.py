"""Which unit of work a thread is busy with, seen from another thread: by frames of ours.

Requests enter no list, so they pay nothing: the functions that open a record hold it in a variable
``record``, which is read here. Blocks of ``measured`` have no frame; they are listed by thread.

A frame is never kept: it keeps all that its function holds, and what that refers to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Final

from ._record import Record

#: (part, line, package), as in ``SampleRow``.
Where = tuple[str, str, str]
#: Called with (innermost frame, part of the record's time line): where a thread is working; None
#: for what is timed exactly anyhow. A room above knows what code is whose.
placed: list[Callable[[FrameType, int], Where | None]] = []
#: Called with the innermost frame: what is under way, a line for each frame, innermost first.
drawn: list[Callable[[FrameType], tuple[str, ...]]] = []
#: Called with an exception that a request has ended in: the line it comes from.
blamed: list[Callable[[BaseException], Where | None]] = []

#: Units that ``measured`` and Celery's signals have opened, by thread.
blocks: dict[int, Record] = {}

DEEPEST: Final = 1000  # frames: what is deeper is a recursion, and is looked at no further
KNOWN: Final = 50_000  # code objects, of a site that makes functions without end
_HERE: Final = os.path.dirname(__file__)
_HOLDERS: Final = (os.path.join(_HERE, ""), os.path.join(os.path.dirname(_HERE), "middleware.py"))
#: By id, with the code kept alive: hashing a code object costs more than all the rest.
_holds: dict[int, tuple[CodeType, bool]] = {}


def outward(frame: FrameType | None) -> Iterator[FrameType]:
    """The frame and its callers."""
    for _ in range(DEEPEST):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def record_of(thread: int, frame: FrameType) -> Record | None:
    """The innermost unit that is under way on a thread, None for one between two of them."""
    at: FrameType | None = frame
    for _ in range(DEEPEST):  # ``outward``, written out: most threads are looked at in vain
        if at is None:
            break
        code = at.f_code
        known = _holds.get(id(code))
        if known[1] if known is not None else _learn(code):
            # Of our own functions only: before Python 3.13 looking writes a frame's dict anew.
            record = at.f_locals.get("record")
            if isinstance(record, Record):
                return None if record.wall else record
        at = at.f_back
    record = blocks.get(thread)
    if record is not None and record.wall:  # left in another thread than it was entered in
        blocks.pop(thread, None)
        return None
    return record


def _learn(code: CodeType) -> bool:
    if len(_holds) >= KNOWN:
        _holds.clear()
    found = "record" in code.co_varnames and code.co_filename.startswith(_HOLDERS)
    _holds[id(code)] = code, found
    return found


def _after_fork() -> None:
    blocks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
