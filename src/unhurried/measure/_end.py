"""The end of this process, however it is ended in order.

``atexit`` alone does not know it: children of ``multiprocessing`` and of Celery leave by
``os._exit``, and uvicorn kills itself by the signal that has asked it to stop. It tells the
application before, which is for the front door to hear.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

#: From the last to the first: threads finish what they have begun, what waits is written, then
#: numbers are, and sent. Of one step the last to be registered is the first, as with ``atexit``.
SINKS, NUMBERS, WRITES, THREADS = range(4)
LAST: Final = -100  # among what a site lets ``multiprocessing`` do at the end of a child

Work = Callable[[], object]


def _nothing() -> None: ...


_works: dict[Work, tuple[int, Work]] = {}


def at_end(step: int, work: Work, resume: Work = _nothing) -> None:
    """Have it done at the end; once, however often it is registered.

    ``resume`` undoes what keeps this process from going on afterwards, see ``rest``.
    """
    _works.pop(work, None)
    _works[work] = step, resume
    _listen_to_celery()


def not_at_end(work: Work) -> None:
    _works.pop(work, None)


def end(*about: object, **more: object) -> None:
    """Do it all, even where one raises. Whoever ends this process may call it, and again."""
    with ExitStack() as stack:
        for work, _ in sorted(_works.items(), key=lambda item: item[1][0]):
            stack.callback(work)


def rest() -> None:
    """The same for a process that may go on: a test that plays a server, for example."""
    works = list(_works.values())
    try:
        end()
    finally:
        for _, resume in works:
            resume()


def _listen_to_celery() -> None:
    if "celery" in sys.modules:
        from celery import signals

        signals.worker_process_shutdown.connect(end, dispatch_uid="unhurried.end", weak=False)


def _hand_down() -> None:
    """A child of ``multiprocessing`` forgets what there is to finalize, and is asked then.

    Once what it has to run is loaded: by its parent before the fork, or by itself.
    """
    global _handed_down
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None and not _handed_down:
        _handed_down = True
        util.register_after_fork(end, _finalize)


def _finalize(*about: object) -> None:
    util: Any = sys.modules["multiprocessing.util"]
    util.Finalize(None, end, exitpriority=LAST)


def _is_child() -> bool:
    """Whether such a child has loaded this late, while it runs already."""
    known: Any = sys.modules.get("multiprocessing.util") and sys.modules["multiprocessing"]
    return known is not None and known.parent_process() is not None


_handed_down = False
atexit.register(end)
_hand_down()
if _is_child():
    _finalize()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hand_down)
