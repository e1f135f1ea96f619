"""What rooms above write into the store, in batches: statements.

What a page's end does is done with cold caches, and costs three times as much as the same in a
loop. So units wait for each other: up to PATIENT of them, none longer than the first that finishes
a second after the last batch. A process that is killed takes those that wait with it: their
statements, never their requests, which are counted by then.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from time import thread_time_ns
from typing import Final

from . import _store
from ._end import NUMBERS, at_end
from ._errors import StoreError, swallow
from ._record import Record, SampledRecord
from ._store import Store

#: Called with each unit that has asked a database, some time after its end and under the store's
#: lock; not where its store has been left. Rooms above subscribe, and take as short as they can.
folding: list[Callable[[Record], None]] = []
#: Called before this process's store is read, and at its end: for what rooms above count aside.
draining: list[Callable[[], None]] = []

PATIENT: Final = 16  # units
LONG: Final = 1_000_000_000  # nanoseconds


def stop_waiting(record: Record) -> None:
    """Have all done that waits, on behalf of the unit that has come last."""
    took = drain(record.store)
    record.store.asked_until = record.last + LONG
    if type(record) is SampledRecord:
        record.aside += took


def drain(store: Store) -> int:
    """Have all done that waits; the nanoseconds of CPU it took."""
    began = thread_time_ns()
    try:
        with store.lock:
            waiting, store.asked = store.asked, []
            for record in waiting:
                for work in folding if not store.left else ():
                    work(record)
            store.cost.drain = (thread_time_ns() - began) // max(len(waiting), 1)
    except (OSError, StoreError) as error:
        _store.fail(error, store)
    return thread_time_ns() - began


def at_once(work: Callable[[Store], None], *, opening: bool = True) -> None:
    """The same for what belongs to no unit, now; nothing where there is no store.

    ``opening``: make one if there is none yet, which who only looks does not.
    """
    store = _store.current() if opening else _store.opened
    if store is None or store.pid != os.getpid():
        return
    try:
        with store.lock:
            if not store.left:
                work(store)
    except (OSError, StoreError) as error:
        _store.fail(error, store)


def drain_opened() -> None:
    """The same for the store of this process, if it has one: before it is read, and at the end."""
    store = _store.opened
    try:
        if store is not None and store.asked and store.pid == os.getpid():
            drain(store)
        for work in draining:
            work()
    except Exception as error:  # boundary: rooms above never break who only reads
        swallow("what waits for the store", error)


def _leave(store: Store) -> None:
    try:
        drain(store)
    except Exception as error:  # boundary: rooms above never keep a process in a store
        swallow("what waits for the store", error)


_store.leaving.append(_leave)
at_end(NUMBERS, drain_opened)
