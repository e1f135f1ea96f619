"""What deferring is worth here, told now and then by whoever applies writes: to log and sinks."""

from __future__ import annotations

import logging
import os
import time
from threading import Lock
from typing import Final

from unhurried.measure import gauge
from unhurried.measure.reading import swallow

from ._ratio import write_read_ratio
from ._writing._advice import figures_of_lanes

EVERY: Final = 60.0  # seconds
logger = logging.getLogger("unhurried")
_advised: set[str] = set()
_turn = Lock()
_next = 0.0


def now_and_then() -> None:
    """Once a minute in each process; no database is asked."""
    global _next
    with _turn:
        if time.monotonic() < _next:
            return
        _next = time.monotonic() + EVERY
    try:
        report()
    except Exception as error:  # boundary: what was to be written is written
        swallow("what deferring is worth", error)


def report() -> None:
    """How many writes come to a read, and what one takes in reads; what is advised, once."""
    for each in write_read_ratio():
        if each.reads:
            gauge(f"unhurried.later.writes_per_read.{each.alias}").set(each.writes / each.reads)
        if each.cost is not None:
            gauge(f"unhurried.later.write_cost_in_reads.{each.alias}").set(each.cost)
    for lane in figures_of_lanes().values():
        if lane.advice and lane.lane not in _advised:
            _advised.add(lane.lane)
            logger.info("later, %s: %s", lane.lane, lane.advice)


def _after_fork() -> None:
    global _turn
    _turn = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
