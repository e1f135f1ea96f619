"""Not enough threads: requests wait for a worker while the machine has time.

Little's law (1961): work under way = arrivals times how long each takes, queue included.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, sqrt
from typing import Final

from .. import _queue
from .._ledger import Ledger
from .._verdict import LIKELY, SURE, THREADS, Cause
from .._words import count, ms
from ._machine import has_the_machine_time, slowed

#: So many standard deviations above the mean wait seldom (Halfin and Whitt, 1981).
SPARE: Final = 1.65


def threads(ledger: Ledger) -> Iterator[Cause]:
    queue = ledger.sum("queue") - slowed(ledger, ledger.sum("queue"))
    share = ledger.share(queue)
    queued = sum(route.lanes["queued"] for route in ledger.routes)
    if not queued or not ledger.matters_to_all(share, queue / queued):
        return
    wall = ledger.sum("wall")
    if _queue.are_free(ledger.window, wall):
        return
    busy, slots = _queue.busy(ledger.window, wall), _queue.slots(ledger.window)
    needed = _needed(ledger, busy)
    if slots and needed <= slots:
        return
    yield Cause(
        THREADS,
        _title(needed, slots),
        share,
        SURE if slots and has_the_machine_time(ledger) else LIKELY,
        "threads",
        evidence=[
            f"a request waited {ms(queue / queued)} before anybody took it",
            f"{busy:.1f} requests under way on average"
            + (f", {count(slots, 'slot')} there" if slots else ""),
        ],
        where=["the server that runs the site"],
        remedy=_remedy(ledger, needed, slots),
        advice="Where pages wait for others (a database, other servers), threads are enough; where "
        "they compute, only as many processes as there are cores.",
        gain=ledger.per_request(queue),
        expected=share,
        verify="manage.py unhurried diagnose --minutes 10",
    )


def _title(needed: int, slots: int) -> str:
    if not slots:
        return f"Requests wait for a worker: {count(needed, 'worker thread')} needed"
    return f"Requests wait for a worker: {count(needed, 'worker thread')} needed, {slots} there"


def _remedy(ledger: Ledger, needed: int, slots: int) -> list[str]:
    workers = max(len(ledger.window.processes), 1)
    return [f"gunicorn --workers {workers} --threads {ceil(needed / workers)}"]


def _needed(ledger: Ledger, busy: float) -> int:
    """For the requests that wait as well as for those under way, and some to spare."""
    length = ledger.served / max(ledger.sum("wall"), 1e-9) * busy
    return ceil(length + SPARE * sqrt(max(busy, 1.0)))


def notes(ledger: Ledger) -> Iterator[str]:
    """What is not believed."""
    if ledger.believed < 1:
        said, counted = ledger.sum_lane("queue"), ledger.sum("queue")
        yield (
            f"X-Request-Start says that requests waited {ms(said)} in all for a worker, though "
            f"workers stood free: {ms(counted)} of it count. The proxy's clock is wrong, or "
            "somebody else sends this header, or it is the proxy that they waited for."
        )
