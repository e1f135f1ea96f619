"""Waiting for a worker: how busy they were, and how far it is believed what headers say of it."""

from __future__ import annotations

from typing import Final

from unhurried.measure.reading import Window

FULL: Final = 0.6  # of the slots, on average: then they are often all taken
#: Times what requests take, that they wait for slots less busy than that: with a single one and
#: arrivals by chance, the worst there is (M/M/1), u / (1 - u).
LONGEST: Final = FULL / (1 - FULL)


def busy(window: Window, wall: float) -> float:
    """Requests under way, as seen at each beat; else by Little's law."""
    watched = window.process.get("watched", 0)
    workers = max(len(window.processes), 1)
    if watched:
        return window.process.get("busy", 0) / watched * workers
    return wall / max(window.seconds, 1.0)


def slots(window: Window) -> int:
    """As the servers say it; where they do not, the most that were ever busy at once."""
    return sum(each.threads or each.most_busy for each in window.processes)


def are_free(window: Window, wall: float) -> bool:
    """Whatever holds requests up, more slots would not help; False where nobody knows of any."""
    return busy(window, wall) < FULL * slots(window)


def believed(window: Window, wall: float, queue: float) -> float:
    """The part of ``queue`` that counts: a header is a word, and its seconds are anybody's.

    Where slots were free it is no more than can have been waited for them: else a few requests
    that say ten minutes were the site's time, and hid all that is to be mended.
    """
    if not queue or not are_free(window, wall):
        return 1.0
    return min(LONGEST * wall / queue, 1.0)
