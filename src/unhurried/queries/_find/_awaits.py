"""Who awaits: from a thread of ``sync_to_async`` back to the coroutine that waits for it.

A statement of async code runs in a thread whose stack ends at asgiref. The task that waits there is
the one whose chain of awaits holds the same ``SyncToAsync`` object.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any, Final

from asgiref.sync import SyncToAsync

from unhurried.measure.reading import Stepped, still

_CALL: Final[CodeType] = SyncToAsync.__call__.__code__
_STEPS: Final[CodeType] = Stepped.__await__.__code__
_FRAME: Final = ("cr_frame", "ag_frame", "gi_frame")
_INNER: Final = ("cr_await", "ag_await", "gi_yieldfrom")


def waiting(handler: FrameType) -> Iterator[FrameType]:
    """Frames of the chain that awaits this ``thread_handler``, innermost first."""
    variables = handler.f_locals
    waited_for, loop = variables["self"], variables["loop"]
    for task in asyncio.all_tasks(loop):
        with still:
            chain = list(_chain(task.get_coro()))
            found = any(f.f_code is _CALL and f.f_locals.get("self") is waited_for for f in chain)
        if found:
            yield from reversed(chain)
            return


def _chain(task: Any) -> Iterator[FrameType]:
    """Frames of a task's suspended chain of awaits, outermost first; none of one that runs."""
    if not hasattr(type(task), "cr_running"):
        return  # compiled by others, maybe: nobody knows whether it runs
    awaitable = task
    while awaitable is not None and not task.cr_running:
        frame = _of(task, awaitable, _FRAME)
        if frame is not None:
            yield frame
        inner = _of(task, awaitable, _INNER)
        if frame is not None and frame.f_code is _STEPS:
            inner = frame.f_locals["self"].coroutine  # it sends each step on by hand
        if inner is None and frame is None:  # ``async for``: its step refers to the generator
            referents = gc.get_referents(awaitable)
            inner = next((each for each in referents if hasattr(type(each), "ag_frame")), None)
        awaitable = inner


def _of(task: Any, thing: Any, names: tuple[str, ...]) -> Any:
    """By the name that its type has: an awaitable of the project's own may answer to any.

    None while its task runs, in the loop's own thread: there CPython before 3.13 has crashed.
    """
    for name in names:
        if hasattr(type(thing), name):
            return None if task.cr_running else getattr(thing, name)
    return None
