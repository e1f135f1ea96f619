"""Not enough threads: requests wait for a worker while the machine has time.

Little's law (1961): work under way = arrivals times how long each takes, queue included.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, sqrt
from typing import Final

from .._ledger import Ledger
from .._verdict import LIKELY, SURE, THREADS, Cause
from .._words import count, ms
from ._machine import has_the_machine_time, slowed

#: So many standard deviations above the mean wait seldom (Halfin and Whitt, 1981).
SPARE: Final = 1.65
FULL: Final = 0.6  # of the slots, on average: then they are often all taken


def threads(ledger: Ledger) -> Iterator[Cause]:
    queue = ledger.sum("queue") - slowed(ledger, ledger.sum("queue"))
    share = ledger.share(queue)
    queued = sum(route.lanes["queued"] for route in ledger.routes)
    if not queued or not ledger.matters_to_all(share, queue / queued):
        return
    busy, slots = _busy(ledger), _slots(ledger)
    if slots and busy < FULL * slots:
        return  # there are free ones: whatever holds requests up, more of them would not help
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


def _busy(ledger: Ledger) -> float:
    """Requests under way, as seen at each beat; else by Little's law."""
    watched = ledger.window.process.get("watched", 0)
    workers = max(len(ledger.window.processes), 1)
    if watched:
        return ledger.window.process.get("busy", 0) / watched * workers
    return ledger.sum("wall") / max(ledger.window.seconds, 1.0)


def _slots(ledger: Ledger) -> int:
    """As the servers say it; where they do not, the most that were ever busy at once."""
    return sum(each.threads or each.most_busy for each in ledger.window.processes)


def _needed(ledger: Ledger, busy: float) -> int:
    """For the requests that wait as well as for those under way, and some to spare."""
    length = ledger.served / max(ledger.sum("wall"), 1e-9) * busy
    return ceil(length + SPARE * sqrt(max(busy, 1.0)))
