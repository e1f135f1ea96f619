"""The requests that Django never sees, in the measurements: added up, and written once a second."""

from __future__ import annotations

import os
from time import perf_counter_ns
from typing import Final

from unhurried.conf import settings
from unhurried.measure.reading import draining, served, swallow

from .._engine import _counts
from ._asked import Asked
from ._ready import Ready

PAUSE: Final = 1_000_000_000  # nanoseconds between two writings
MOST: Final = 4096  # of one page, until then

#: Those with answers that are not written yet.
_waiting: list[Asked] = []
_due = 0


def tally(asked: Asked, ready: Ready, began: int, status: int, size: int) -> None:
    """One request of a page, which began then by ``perf_counter_ns``.

    Its CPU is its wall, but where a server was asked and waited for: that is not known.
    """
    wall = perf_counter_ns() - began
    answer = status, wall, wall if asked.at_hand else 0, size
    answers = asked.answers
    is_first = not answers
    answers.append(answer)  # before it is known to wait: another thread may write that now
    if is_first:
        _waiting.append(asked)
    asked.saved += ready.entry.delta
    if began > _due or len(answers) >= MOST:
        write()


def write() -> None:
    global _due
    _due = perf_counter_ns() + PAUSE
    while _waiting:
        try:
            asked = _waiting.pop()
        except IndexError:  # another thread writes it
            return
        answers, asked.answers = asked.answers, []
        saved, asked.saved = asked.saved, 0.0
        if not answers:  # two threads had its first
            continue
        _counts.hits(asked.page.name, len(answers), saved)
        if settings.MEASURE:
            try:
                served(asked.match.route, answers)
            except Exception as error:  # boundary: a meter never breaks a page
                swallow("the front door's requests", error)


def _forked() -> None:
    """What the parent has answered is the parent's to write."""
    while _waiting:
        asked = _waiting.pop()
        asked.answers, asked.saved = [], 0.0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
draining.insert(0, write)  # before the counts are, which get some more by this
