"""How long Python takes here, beside the machine that this package's constants are of."""

from __future__ import annotations

import time
from statistics import mean
from typing import Final

ROUNDS, TURNS, APART = 6, 1_000, 0.008  # seconds between two: others come and go
USUAL: Final = 0.0003  # seconds of a round, on that machine
SLOWEST: Final = 8.0


def pace() -> float:
    """1 where it takes as long as there, 2 where it takes twice as long.

    On average over a twentieth of a second: a core whose other half works for somebody else takes
    up to twice as long, from one moment to the next.
    """
    return min(max(mean(_rounds()) / USUAL, 1 / SLOWEST), SLOWEST)


def _rounds() -> list[float]:
    found = []
    for _ in range(ROUNDS):
        time.sleep(APART)
        found.append(_round())
    return found


def _round() -> float:
    """What ORMs do most: look up attributes and keys, call, make small objects."""
    began = time.thread_time()
    found = {}
    for turn in range(TURNS):
        part = _Part(turn)
        found[turn % 64] = [part.name, part]
    return time.thread_time() - began


class _Part:
    def __init__(self, name: int) -> None:
        self.name = name
