"""Waiting for who computes: one of a process asks the server, the others wait for that one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from threading import Event, Lock
from typing import TypeVar

from asgiref.sync import sync_to_async

from unhurried.conf import settings

from .._chance import chance
from .._errors import Unavailable
from . import _counts
from ._compute import release
from ._look import look, take
from ._lookup import Lookup

T = TypeVar("T")

#: Seconds between two looks; they grow, so that a long computation is asked after seldom.
FIRST, LONGEST = 0.005, 0.1


class _Flight:
    """One look-out per key and process."""

    def __init__(self) -> None:
        self.landed = Event()


_flights: dict[str, _Flight] = {}
_lock = Lock()


def wait(lookup: Lookup) -> Lookup:
    """Until there is an entry to serve, or the lease is ours, or ``WAIT`` seconds are over."""
    end = time.monotonic() + settings.WAIT
    _counts.note(lookup.policy.name, "waited")
    for pause in _pauses():
        left = end - time.monotonic()
        if left <= 0:
            return _given_up(lookup)
        flight, ours = _join(lookup.key)
        if not ours:
            flight.landed.wait(min(left, LONGEST))
        else:
            time.sleep(min(left, pause))
        found = _again(lookup, flight if ours else None)
        if found.act != "wait":
            return found
    raise AssertionError("the pauses never end")


async def await_(lookup: Lookup) -> Lookup:
    """The same for coroutines."""
    end = time.monotonic() + settings.WAIT
    _counts.note(lookup.policy.name, "waited")
    for pause in _pauses():
        left = end - time.monotonic()
        if left <= 0:
            return _given_up(lookup)
        await asyncio.sleep(min(left, pause))
        found = await held(partial(_again, lookup, None), release, asyncio.to_thread)
        if found.act != "wait":
            return found
    raise AssertionError("the pauses never end")


async def held(
    take: Callable[[], T],
    give_back: Callable[[T], object],
    to_thread: Callable[[Callable[[], T]], Awaitable[T]] | None = None,
) -> T:
    """What ``take`` finds, in a thread. Whoever waits for that may go away meanwhile: what it has
    taken by then is given back, for nobody knows of it.
    """
    found: list[T] = []
    gone: list[bool] = []

    def work() -> T:
        found.append(take())
        if gone:
            give_back(found[0])
        return found[0]

    try:
        return await (to_thread(work) if to_thread else sync_to_async(work)())
    except BaseException:  # boundary: none; a lease is not taken along
        gone.append(True)
        if found:
            give_back(found[0])
        raise


def _pauses() -> Iterator[float]:
    pause = FIRST
    while True:
        yield pause * chance.uniform(0.7, 1.3)
        pause = min(pause * 1.5, LONGEST)


def _join(key: str) -> tuple[_Flight, bool]:
    with _lock:
        flight = _flights.get(key)
        if flight is not None:
            return flight, False
        _flights[key] = flight = _Flight()
        return flight, True


def _again(lookup: Lookup, flight: _Flight | None) -> Lookup:
    try:
        return look(lookup.policy, lookup.key, lookup.labels, wrote=True)
    finally:
        if flight is not None:
            with _lock:
                _flights.pop(lookup.key, None)
            flight.landed.set()


def _given_up(lookup: Lookup) -> Lookup:
    """Nobody came back in time: compute like the first, without the lease if it is still held."""
    try:
        taken = lookup.store is not None and take(lookup)
    except Unavailable:
        taken = False
    lookup.act = "compute" if taken else "bypass"
    lookup.reason = lookup.reason or ("" if taken else "who computes it has not come back in time")
    return lookup
