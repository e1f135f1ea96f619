"""What a finished unit of work adds to its row."""

from __future__ import annotations

from bisect import bisect_left
from math import log
from typing import TYPE_CHECKING

from . import _ring
from ._buckets import COARSE_COUNT, COARSE_NS, COUNT, PER_LOG, TIME
from ._layout import COARSE, FINE, LANE, STATUS_LANE
from ._record import CACHE, DB, HTTP, TEMPLATE
from ._ring import BEGUN, RAISED, STATE, STATUS, Entry, entry

if TYPE_CHECKING:
    from ._record import Rare, Record, SampledRecord

STARTED, DONE, ERRORS, EXCEPTIONS, BYTES = (
    LANE[name] for name in ("started", "requests", "errors", "exceptions", "bytes")
)
WALL, CPU, QUERIES, WALL_MAX, QUERIES_MAX = (
    LANE[name] for name in ("wall", "cpu", "queries", "wall_max", "queries_max")
)
DB_NS, CACHE_NS, HTTP_NS, TEMPLATE_NS = (LANE[name] for name in ("db", "cache", "http", "template"))
ROWS, CONNECTS, OVERLAP, STREAMED = (
    LANE[name] for name in ("rows", "connects", "overlap", "streamed")
)
QUEUE, QUEUED = LANE["queue"], LANE["queued"]
SAMPLED, SAMPLED_WALL, SAMPLED_OWN = (
    LANE[name] for name in ("sampled", "sampled_wall", "sampled_own")
)
CPU_PARTS = LANE["cpu_view"]
COARSE_WALL, COARSE_DB, COARSE_QUERIES, COARSE_QUEUE = (
    COARSE[metric] for metric in ("wall", "db", "queries", "queue")
)
CLASS_LANE = tuple(LANE[f"status_{name}"] for name in ("other", "1xx", "2xx", "3xx", "4xx", "5xx"))
FINE_CPU, FINE_DB, FINE_QUERIES = FINE["cpu"], FINE["db"], FINE["queries"]
OFFSET, LAST = TIME.offset, TIME.last
LOWEST = int(TIME.lowest)
WALL_WORD, CPU_WORD, DB_WORD, QUERIES_WORD = _ring.WALL, _ring.CPU, _ring.DB, _ring.QUERIES
#: What is just added up: (lane, word of an entry).
SUMS = (
    *((BYTES, _ring.BYTES), (QUERIES, _ring.QUERIES), (CONNECTS, _ring.CONNECTS), (DB_NS, DB_WORD)),
    *((CACHE_NS, _ring.CACHE), (HTTP_NS, _ring.HTTP), (TEMPLATE_NS, _ring.TEMPLATE)),
)


class Route:
    """The lanes and the fine buckets of one route or unit in this process's slot."""

    __slots__ = ("fine", "lanes", "number")

    def __init__(self, number: int, lanes: memoryview, fine: memoryview) -> None:
        self.number = number
        self.lanes = lanes
        self.fine = fine

    def write(self, record: Record) -> None:
        """Add a finished unit at once, past the ring."""
        self.add([entry(record, self.number)])
        self.lanes[DONE] += 1

    def add(self, entries: list[Entry]) -> None:
        """Add all of finished units but their count: who sees that sees all that belongs to it."""
        columns = tuple(zip(*entries, strict=True))
        lanes, walls = self.lanes, columns[WALL_WORD]
        lanes[STARTED] += sum(1 for state in columns[STATE] if not state & BEGUN)
        lanes[WALL] += sum(walls)
        lanes[CPU] += sum(columns[CPU_WORD])
        lanes[WALL_MAX] = max(lanes[WALL_MAX], *walls)
        for lane, word in SUMS:
            if total := sum(columns[word]):
                lanes[lane] += total
        for wall in walls:
            lanes[COARSE_WALL + bisect_left(COARSE_NS, wall)] += 1
        self._count_times(0, walls)
        self._count_times(FINE_CPU, columns[CPU_WORD])
        self._add_states(columns[STATE])
        if any(columns[DB_WORD]):
            self._add_queries(entries)

    def _count_times(self, start: int, times: tuple[int, ...]) -> None:
        fine = self.fine
        for ns in times:  # TIME.index(), written out: this is the busiest arithmetic of the package
            bucket = int(log(ns) * PER_LOG - OFFSET) if ns > LOWEST else 0
            fine[start + (bucket if bucket < LAST else LAST)] += 1

    def _add_states(self, states: tuple[int, ...]) -> None:
        lanes = self.lanes
        for state in states:
            status = state & STATUS
            if status:
                lanes[STATUS_LANE.get(status) or class_lane(status)] += 1
            if status >= 500 or state & RAISED:
                lanes[ERRORS] += 1
                lanes[EXCEPTIONS] += 1 if state & RAISED else 0

    def _add_queries(self, entries: list[Entry]) -> None:
        lanes, fine = self.lanes, self.fine
        asked = [(each[DB_WORD], each[QUERIES_WORD]) for each in entries if each[QUERIES_WORD]]
        for ns, count in asked:
            lanes[COARSE_DB + bisect_left(COARSE_NS, ns)] += 1
            lanes[COARSE_QUERIES + bisect_left(COARSE_COUNT, count)] += 1
            fine[FINE_QUERIES + (count if count <= COUNT.exact else COUNT.index(count))] += 1
        self._count_times(FINE_DB, tuple(ns for ns, _ in asked))
        most = max((count for _, count in asked), default=0)
        lanes[QUERIES_MAX] = max(lanes[QUERIES_MAX], most)

    def write_rare(self, rare: Rare) -> None:
        lanes = self.lanes
        if rare.queued is not None:
            lanes[QUEUE] += rare.queued
            lanes[QUEUED] += 1
            lanes[COARSE_QUEUE + bisect_left(COARSE_NS, rare.queued)] += 1
        lanes[ROWS] += rare.rows
        lanes[OVERLAP] += max(rare.overlap, 0)
        lanes[STREAMED] += rare.streamed

    def write_sampled(self, record: SampledRecord, own: int) -> None:
        """CPU by part; what measuring cost, and the wall that is a share of."""
        lanes, parts = self.lanes, record.cpu_parts
        lanes[SAMPLED] += 1
        lanes[SAMPLED_WALL] += record.wall
        lanes[SAMPLED_OWN] += own
        if record.probed:
            for i in (DB, CACHE, HTTP, TEMPLATE):
                lanes[CPU_PARTS + i] += parts[i]
        lanes[CPU_PARTS] += max(record.cpu - sum(parts[DB:]), 0)


def class_lane(status: int) -> int:
    return CLASS_LANE[status // 100 if 100 <= status < 600 else 0]
