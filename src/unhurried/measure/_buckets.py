"""Logarithmic buckets: a quantile read from them is wrong by at most 1 %.

After Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
guarantees" (VLDB 2019), with a fixed number of buckets, so that merging is adding.
A value v lies in bucket ``int(log(v / lowest) / log(GAMMA))``; the bucket is read as the point
whose relative distance to both of its edges is the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import exp, log
from typing import Final

GAMMA: Final = 1.0198  # (GAMMA - 1) / (GAMMA + 1) = 0.98 %, the rest of the 1 % is for rounding
PER_LOG: Final = 1 / log(GAMMA)
_MIDDLE: Final = 2 * GAMMA / (GAMMA + 1)


class Scale:
    """Buckets from ``lowest`` to ``highest``; below is read as 0, above as the last bucket."""

    def __init__(self, lowest: float, highest: float) -> None:
        self.lowest = lowest
        self.offset = log(lowest) * PER_LOG - 1  # bucket 0 is for what is too small to tell from 0
        self.size = int(log(highest) * PER_LOG - self.offset) + 1
        self.last = self.size - 1
        points = (exp((i + self.offset) / PER_LOG) * _MIDDLE for i in range(1, self.size))
        self.points: tuple[float, ...] = (0.0, *points)

    def index(self, value: float) -> int:
        """The bucket of a value; anything at or below ``lowest`` is in the first."""
        if value <= self.lowest:
            return 0
        index = int(log(value) * PER_LOG - self.offset)
        return index if index < self.last else self.last


class CountScale(Scale):
    """Whole numbers: exact to ``exact``, logarithmic above."""

    def __init__(self, exact: int, highest: float) -> None:
        super().__init__(exact + 1, highest)
        self.exact = exact
        self.offset -= exact
        self.size += exact
        self.last = self.size - 1
        self.points = (*map(float, range(exact + 1)), *self.points[1:])

    def index(self, value: float) -> int:
        if value <= self.exact:
            return max(int(value), 0)
        index = int(log(value) * PER_LOG - self.offset)
        return index if index < self.last else self.last


TIME: Final = Scale(1e3, 3.6e12)  # nanoseconds: 1 us to 1 h
COUNT: Final = CountScale(63, 1e6)  # queries
VALUE: Final = Scale(1e-6, 1e9)  # whatever a site puts into a histogram of its own

# Sixteen coarse buckets for scrapes: upper edges, the last one open.
COARSE_SECONDS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0
)  # fmt: skip
COARSE_NS: Final = tuple(int(edge * 1e9) for edge in COARSE_SECONDS)
COARSE_COUNT: Final = (0, 1, 2, 5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 500, 1000)


def quantiles(
    buckets: Sequence[int], scale: Scale, wanted: Sequence[float], top: float
) -> list[float]:
    """Nearest-rank quantiles of counted buckets, never above ``top``, the largest value seen."""
    ranks = list(accumulate(buckets))
    total = ranks[-1]
    if not total:
        return [0.0 for _ in wanted]
    found = []
    for q in wanted:
        rank = min(max(int(q * total + 0.999999), 1), total)
        found.append(min(scale.points[bisect_right(ranks, rank - 1)], top))
    return found
