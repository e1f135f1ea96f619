"""Who does the works: where this process does them, a few threads; in a worker, its own."""

from __future__ import annotations

import os
import threading
from typing import Final

from django.db import close_old_connections

from unhurried.measure.reading import swallow

from .._lanes import lane
from .._outbox._kinds import PAGES_LANE
from .._thread import Worker
from . import _rows
from ._job import do

LANE: Final = PAGES_LANE
THREADS: Final = 4  # works that one process does at once


def _turn() -> None:
    close_old_connections()
    try:
        _all()
    except Exception as error:  # boundary: the database may be away; whoever waits kicks again
        swallow("the works of hang_on", error)
    finally:
        close_old_connections()


def _all() -> None:
    while (row := _rows.claim()) is not None:
        do(row)


def _new_pool() -> list[Worker]:
    return [Worker(f"unhurried-{LANE}-{n}", _turn) for n in range(THREADS)]


_pool = _new_pool()


@lane(LANE, long=True)
def drain() -> None:
    """In a worker of a broker: one work after another. In this process: the pool is woken."""
    if threading.current_thread().name == f"unhurried-{LANE}":
        for worker in _pool if _rows.waits() else []:
            worker.wake()
    else:
        _all()


def _after_fork() -> None:
    global _pool
    _pool = _new_pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
