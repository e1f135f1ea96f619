"""Requests that were answered before there was a record: many of a route at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from ._buckets import COARSE_NS, TIME
from ._folding import at_once
from ._layout import FINE, LANE, STATUS_LANE, STRIDE
from ._rows import COARSE_WALL, class_lane
from ._store import Store

STARTED, DONE, BYTES, WALL, CPU, WALL_MAX = (
    LANE[name] for name in ("started", "requests", "bytes", "wall", "cpu", "wall_max")
)


#: One answer: its status, nanoseconds from first to last, nanoseconds of CPU, bytes of body.
Answered = tuple[int, int, int, int]


def served(route: str, answers: Sequence[Answered]) -> None:
    """Add them to the route's row, as if each had been a request of its own."""

    def work(store: Store) -> None:
        row = store.route(("request", route))
        lanes, fine = row.lanes, row.fine
        lanes[STARTED] += len(answers)
        for status, wall, cpu, size in answers:
            lanes[WALL] += wall
            lanes[CPU] += cpu
            lanes[BYTES] += size
            lanes[COARSE_WALL + bisect_left(COARSE_NS, wall)] += 1
            fine[STRIDE * TIME.index(wall)] += 1
            fine[FINE["cpu"] + STRIDE * TIME.index(cpu)] += 1
            lanes[WALL_MAX] = max(lanes[WALL_MAX], wall)
            lanes[STATUS_LANE.get(status) or class_lane(status)] += 1
        lanes[DONE] += len(answers)

    at_once(work)
