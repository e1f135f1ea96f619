"""The requests that Django never sees, in the measurements: added up, and written once a second."""

from __future__ import annotations

import os
from time import perf_counter_ns
from typing import Final

from unhurried.conf import settings
from unhurried.measure.reading import Answered, draining, served, swallow

PAUSE: Final = 1_000_000_000  # nanoseconds between two writings
MOST: Final = 4096  # of one route, until then

_waiting: dict[str, list[Answered]] = {}
_due = 0


def tally(route: str, answered: Answered, now: int) -> None:
    """One request of the route; ``now`` by ``perf_counter_ns``."""
    answers = _waiting.get(route)
    if answers is None:
        answers = _waiting.setdefault(route, [])
    answers.append(answered)
    if len(answers) >= MOST or now > _due:
        write()


def write() -> None:
    global _due
    _due = perf_counter_ns() + PAUSE
    for route in list(_waiting):
        answers = _waiting.pop(route, None)
        if answers and settings.MEASURE:
            try:
                served(route, answers)
            except Exception as error:  # boundary: a meter never breaks a page
                swallow("the front door's requests", error)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.clear)
draining.append(write)
