"""What is written at the end of a unit of work: one row, under one lock."""

from __future__ import annotations

from bisect import bisect_left
from math import log
from typing import TYPE_CHECKING

from ._buckets import COARSE_COUNT, COARSE_NS, COUNT, PER_LOG, TIME
from ._compiled import compiled
from ._layout import COARSE, FINE, FINE_ROUTE, LANE, LANES, STATUS_LANE, STRIDE
from ._record import CACHE, DB, HTTP, TEMPLATE

if TYPE_CHECKING:
    from ._record import Rare, Record, SampledRecord

STARTED, DONE, ERRORS, RAISED, BYTES = (
    LANE[name] for name in ("started", "requests", "errors", "exceptions", "bytes")
)
WALL, CPU, QUERIES, WALL_MAX, QUERIES_MAX = (
    LANE[name] for name in ("wall", "cpu", "queries", "wall_max", "queries_max")
)
DB_NS, CACHE_NS, HTTP_NS, TEMPLATE_NS = (LANE[name] for name in ("db", "cache", "http", "template"))
ROWS, CONNECTS, CONNECTING, OVERLAP, STREAMED = (
    LANE[name] for name in ("rows", "connects", "connecting", "overlap", "streamed")
)
QUEUE, QUEUED = LANE["queue"], LANE["queued"]
UNSAFE = LANE["unsafe"]
SAMPLED, SAMPLED_WALL, SAMPLED_OWN = (
    LANE[name] for name in ("sampled", "sampled_wall", "sampled_own")
)
STATUS_200 = LANE["status_200"]
CPU_PARTS = LANE["cpu_view"]
COARSE_WALL, COARSE_DB, COARSE_QUERIES, COARSE_QUEUE = (
    COARSE[metric] for metric in ("wall", "db", "queries", "queue")
)
CLASS_LANE = tuple(LANE[f"status_{name}"] for name in ("other", "1xx", "2xx", "3xx", "4xx", "5xx"))
FINE_CPU, FINE_DB, FINE_QUERIES = FINE["cpu"], FINE["db"], FINE["queries"]
OFFSET, LAST, EXACT = TIME.offset, TIME.last, COUNT.exact
LOWEST = int(TIME.lowest)
#: What is written for every unit, or nearly: the compiled ``write`` asks where these lie.
WRITTEN = (
    *("started", "requests", "bytes", "wall", "cpu", "wall_max", "status_200", "template"),
    *("wall_0", "db", "cache", "http", "queries", "queries_max", "db_0", "queries_0", "queue_0"),
    *("connects", "connecting", "queue", "queued"),
)


class Row:
    """The lanes and the fine buckets of one route or unit in this process's slot."""

    __slots__ = ("fine", "lanes", "paths")

    def __init__(self, lanes: memoryview, fine: memoryview) -> None:
        self.lanes = lanes
        self.fine = fine
        self.paths: dict[int, int] | None = None  # see ``_paths``

    def write(self, record: Record) -> None:
        """Add a finished unit. The count comes last: who sees it sees all that belongs to it."""
        lanes, fine, wall, cpu = self.lanes, self.fine, record.wall, record.cpu
        if record.row is None:
            lanes[STARTED] += 1
        lanes[WALL] += wall
        lanes[CPU] += cpu
        lanes[COARSE_WALL + bisect_left(COARSE_NS, wall)] += 1
        # TIME.index(), written out: this is the busiest arithmetic of the package.
        bucket = int(log(wall) * PER_LOG - OFFSET) if wall > LOWEST else 0
        fine[STRIDE * (bucket if bucket < LAST else LAST)] += 1
        bucket = int(log(cpu) * PER_LOG - OFFSET) if cpu > LOWEST else 0
        fine[FINE_CPU + STRIDE * (bucket if bucket < LAST else LAST)] += 1
        if wall > lanes[WALL_MAX]:
            lanes[WALL_MAX] = wall
        if record.size:
            lanes[BYTES] += record.size
        status = record.status
        if status == 200 and not record.raised:
            lanes[STATUS_200] += 1
        else:
            self._write_status(status, record.raised)
        _, db, cache, http, template = record.parts
        if template:
            lanes[TEMPLATE_NS] += template
        if db:
            lanes[DB_NS] += db
        if count := record.queries:
            lanes[QUERIES] += count
            lanes[COARSE_DB + bisect_left(COARSE_NS, db)] += 1
            lanes[COARSE_QUERIES + bisect_left(COARSE_COUNT, count)] += 1
            bucket = int(log(db) * PER_LOG - OFFSET) if db > LOWEST else 0
            fine[FINE_DB + STRIDE * (bucket if bucket < LAST else LAST)] += 1
            bucket = count if count <= EXACT else COUNT.index(count)
            fine[FINE_QUERIES + STRIDE * bucket] += 1
            if count > lanes[QUERIES_MAX]:
                lanes[QUERIES_MAX] = count
        if cache or http:
            lanes[CACHE_NS] += cache
            lanes[HTTP_NS] += http
        if record.connects:
            lanes[CONNECTS] += record.connects
            lanes[CONNECTING] += record.connecting
        if record.queued is not None:
            lanes[QUEUE] += record.queued
            lanes[QUEUED] += 1
            lanes[COARSE_QUEUE + bisect_left(COARSE_NS, record.queued)] += 1
        if record.rare is not None:
            self._write_rare(record.rare)
        lanes[DONE] += 1

    def _write_status(self, status: int, raised: bool) -> None:  # noqa: FBT001
        raise NotImplementedError

    def _write_rare(self, rare: Rare) -> None:
        raise NotImplementedError


if compiled is not None:
    Row = compiled.Row  # type: ignore[misc]
    compiled.row_wire(
        **{name: LANE[name] for name in WRITTEN},
        fine_cpu=FINE_CPU,
        fine_db=FINE_DB,
        fine_queries=FINE_QUERIES,
        stride=STRIDE,
        lanes=LANES,
        fine=FINE_ROUTE,
        per_log=PER_LOG,
        lowest=LOWEST,
        exact=EXACT,
        time_offset=OFFSET,
        time_last=LAST,
        count_offset=COUNT.offset,
        count_last=COUNT.last,
        coarse_ns=COARSE_NS,
        coarse_count=COARSE_COUNT,
    )


class Route(Row):
    """What is written seldom, too."""

    __slots__ = ()

    def _write_status(self, status: int, raised: bool) -> None:  # noqa: FBT001 - asked from C, too
        lanes = self.lanes
        if status:
            lanes[STATUS_LANE.get(status) or class_lane(status)] += 1
        if raised or status >= 500:
            lanes[ERRORS] += 1
            lanes[RAISED] += raised

    def _write_rare(self, rare: Rare) -> None:
        lanes = self.lanes
        lanes[ROWS] += rare.rows
        lanes[OVERLAP] += max(rare.overlap, 0)
        lanes[STREAMED] += rare.streamed
        lanes[UNSAFE] += rare.unsafe

    def write_sampled(self, record: SampledRecord, own: int) -> None:
        """CPU by part; what measuring cost, and the wall that is a share of."""
        lanes = self.lanes
        lanes[SAMPLED] += 1
        lanes[SAMPLED_WALL] += record.wall
        lanes[SAMPLED_OWN] += own
        if not record.probed:
            lanes[CPU_PARTS] += max(record.cpu, 0)
            return
        parts = [max(ns, 0) for ns in record.cpu_parts]  # a thread's number is given to another
        for i in (DB, CACHE, HTTP, TEMPLATE):
            lanes[CPU_PARTS + i] += parts[i]
        lanes[CPU_PARTS] += max(record.cpu - sum(parts[DB:]), 0)


def class_lane(status: int) -> int:
    return CLASS_LANE[status // 100 if 100 <= status < 600 else 0]
