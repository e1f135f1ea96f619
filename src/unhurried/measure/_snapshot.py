"""Numbers for people: the merged store as one JSON-able dict, times in seconds."""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Sequence
from itertools import starmap
from math import exp
from pathlib import Path
from typing import Any, Final

from . import _folder
from . import _layout as L
from ._asked import asked
from ._buckets import COUNT, TIME, VALUE, Scale, quantiles
from ._errors import StoreError
from ._folding import drain_opened
from ._instruments import HORIZONS, MINUTES, finite, flush
from ._read import Merged, Reader, SlotView
from ._record import PARTS, current

SECOND: Final = 1e9
SETTLED: Final = 5.0  # seconds; before that a rate per second would be a guess
_readers: dict[Path, Reader] = {}
if hasattr(os, "register_at_fork"):
    # Their locks may be held by threads that a child does not have.
    os.register_at_fork(after_in_child=_readers.clear)


def reader() -> Reader | None:
    """The reader of the configured store; None where nothing has been measured yet."""
    top = _folder.folder()
    if top.exists():
        _folder.refuse_foreign(top)
    folder = _folder.versioned(top)
    known = _readers.get(folder)
    if not (folder / "names").exists():
        _readers.pop(folder, None)
        return None
    try:
        if known is not None:
            known.refresh()
            return known
    except StoreError:  # another list of names stands there now
        _readers.pop(folder, None)
    known = _readers[folder] = Reader(folder)
    return known


def snapshot(*, statements: bool = True) -> dict[str, Any]:
    """Everything measured so far, by all processes of this host, dead ones included.

    ``counters`` {name: int}, ``gauges`` {name: last set}, ``meters`` {name: {count, m1, m5, m15}},
    rates per second; ``histograms`` and ``timers`` {name: {count, sum, p50, p95, p99, max}};
    ``routes`` {route: {requests, errors, statuses, wall, queries, where, how, …}} with ``wall``,
    ``queries``, ``cpu`` and ``db`` of those six keys, ``where`` {part: seconds} and ``how``
    {cpu, off} each adding up to the wall; and ``workers``, the processes that are alive.
    ``statements`` is a list of the hundred that took longest, ``sightings`` one of repeats seen,
    both without any literal; they and the routes' ``db_floor`` can be left out.
    Times are in seconds. Quantiles are within 1 %, query counts exact to 63.

    Raises ``StoreError``, with the way out in ``.hint``, where the store is not to be trusted.
    """
    record = current.get()
    if record is not None and record.pending and not record.store.left:
        flush(record)  # a unit of work that looks sees its own changes, too
    drain_opened()
    source = reader()
    merged = source.merged() if source else Merged()
    if source is None:
        nothing: dict[str, Any] = {"statements": [], "sightings": []} if statements else {}
        return {**{key: {} for key in KEYS}, "workers": 0, **nothing}
    found = {
        **standing(source, merged),
        "histograms": _histograms(source, "histogram", VALUE),
        "timers": _histograms(source, "timer", TIME),
        "routes": routes(source, merged),
        "workers": merged.workers,
    }
    return {**found, **asked(source, found["routes"])} if statements else found


def standing(source: Reader, merged: Merged) -> dict[str, Any]:
    """What is known at a moment, not over a span: counters, gauges, meters."""
    return {
        "counters": _counters(source, merged),
        "gauges": _gauges(source),
        "meters": _meters(source),
    }


KEYS: Final = ("counters", "gauges", "meters", "histograms", "timers", "routes")


def routes(source: Reader, merged: Merged) -> dict[str, dict[str, Any]]:
    """The routes and units that have finished at least once or are under way."""
    found: dict[str, dict[str, Any]] = {}
    for row, (kind, name) in enumerate(merged.routes):
        if merged.lane(row, "requests") or merged.in_flight[row]:
            key = f"{kind}:{name}" if name in found else name  # a unit named like a route
            found[key] = {"name": name, **route(source, merged, row, kind)}
    return found


def route(source: Reader, merged: Merged, row: int, kind: str) -> dict[str, Any]:
    """One row described; nothing is worked out again for a row that has not changed."""
    lanes = merged.lanes[row * L.LANES : (row + 1) * L.LANES]
    seen = lanes, merged.in_flight[row], merged.wall_max[row], merged.queries_max[row]
    known = source.described.get(row)
    if known is None or known[0] != seen:
        fine = source.fine(L.GROUPS["route"], row, L.LANE["requests"])
        _, in_flight, wall_max, queries_max = seen
        known = source.described[row] = (
            seen,
            described(
                Lanes(lanes),
                fine,
                kind=kind,
                in_flight=in_flight,
                wall_max=wall_max,
                queries_max=queries_max,
            ),
        )
    return {key: v.copy() if isinstance(v, dict) else v for key, v in known[1].items()}


class Lanes:
    """A row's lanes by name."""

    def __init__(self, words: array[int]) -> None:
        self.words = words

    def __getitem__(self, name: str) -> int:
        return self.words[L.LANE[name]]

    def seconds(self, name: str) -> float:
        return self.words[L.LANE[name]] / SECOND


def described(
    lanes: Lanes,
    fine: array[int],
    *,
    kind: str = "",
    in_flight: int = 0,
    wall_max: int | None = None,
    queries_max: int | None = None,
) -> dict[str, Any]:
    """One route, from its lanes and fine buckets; also used on differences of two readings.

    The two maxima are exact where they are known; others are their topmost bucket's.
    """
    wall = lanes.seconds("wall")
    parts = {part: lanes.seconds(part) for part in PARTS[1:]}
    cpu = min(lanes.seconds("cpu"), wall)
    return {
        "kind": kind,
        "requests": lanes["requests"],
        "errors": lanes["errors"],
        "exceptions": lanes["exceptions"],
        "in_flight": in_flight,
        "statuses": statuses(lanes),
        "bytes": lanes["bytes"],
        "connects": lanes["connects"],
        "connecting": lanes.seconds("connecting"),
        "wall": _times(fine, lanes, "wall", wall_max),
        "cpu": _times(fine, lanes, "cpu"),
        "db": _times(fine, lanes, "db"),
        "queries": _queries(fine, lanes, queries_max),
        "queue": {"count": lanes["queued"], "sum": lanes.seconds("queue")},
        "where": {"view": max(wall - sum(parts.values()), 0.0), **parts},
        "how": {"cpu": cpu, "off": wall - cpu},
        "overlap": lanes.seconds("overlap"),
        "streamed": lanes["streamed"],
        "cpu_by_part": cpu_by_part(lanes),
        "cost": cost(lanes),
    }


def statuses(lanes: Lanes) -> dict[str, int]:
    """{"200": n}; codes that are seldom seen are added up as "4xx"."""
    names = (*map(str, L.STATUSES), *L.STATUS_CLASSES)
    return {name: count for name in names if (count := lanes[f"status_{name}"])}


def cpu_by_part(lanes: Lanes) -> dict[str, float]:
    """Shares of CPU by part, from one request in sixteen; empty where none was sampled."""
    parts = {part: lanes[f"cpu_{part}"] for part in PARTS}
    total = sum(parts.values())
    return {part: ns / total for part, ns in parts.items()} if total else {}


def cost(lanes: Lanes) -> float | None:
    """Measuring's own share of the wall, from one request in sixteen."""
    return lanes["sampled_own"] / lanes["sampled_wall"] if lanes["sampled_wall"] else None


def _times(
    fine: array[int], lanes: Lanes, metric: str, top: int | None = None
) -> dict[str, float | int]:
    buckets, count = L.buckets(fine, metric), lanes["requests"]
    buckets[0] += max(count - sum(buckets), 0)  # those without any were not written
    return _in_seconds(_summary(buckets, TIME, lanes[metric], count, top))


def _queries(fine: array[int], lanes: Lanes, top: int | None) -> dict[str, float | int]:
    buckets, count = L.buckets(fine, "queries"), lanes["requests"]
    buckets[0] += max(count - sum(buckets), 0)
    return _summary(buckets, COUNT, lanes["queries"], count, top)


def _summary(
    buckets: Sequence[int], scale: Scale, total: float, count: int, top: float | None
) -> dict[str, float | int]:
    """``top``: the largest value seen, if that is known better than by its bucket."""
    if top is None:
        top = scale.points[max((i for i, n in enumerate(buckets) if n), default=0)]
    p50, p95, p99 = quantiles(buckets, scale, (0.5, 0.95, 0.99), top)
    return {"count": count, "sum": total, "p50": p50, "p95": p95, "p99": p99, "max": top}


def _in_seconds(summary: dict[str, float | int]) -> dict[str, float | int]:
    return {key: n if key == "count" else n / SECOND for key, n in summary.items()}


def _counters(source: Reader, merged: Merged) -> dict[str, int]:
    names = source.names.order["counter"]
    words = merged.counters
    return {name: words[2 * i] - words[2 * i + 1] for i, (_, name) in enumerate(names)}


def _gauges(source: Reader) -> dict[str, float]:
    group, last = L.GROUPS["gauge"], {}
    for row, (_, name) in enumerate(source.names.order["gauge"]):
        at = group.start + row * group.lanes
        found = [(s.words[at], s.floats[at + 1]) for s in source.slots.values() if s.words[at]]
        now = time.time_ns()  # what is set later than that, was set by a clock that ran ahead
        if found:
            last[name] = max(found, key=lambda each: (each[0] <= now, each[0]))[1]
    return last


def _meters(source: Reader) -> dict[str, dict[str, float]]:
    group, now = L.GROUPS["meter"], time.time_ns()
    rates = {}
    for row, (_, name) in enumerate(source.names.order["meter"]):
        at = group.start + row * group.lanes
        slots = [s for s in source.slots.values() if s.words[at]]
        first = min((s.words[at + 1] for s in slots), default=now)
        age = max((now - first) / SECOND, SETTLED)
        rates[name] = {"count": sum(s.words[at] for s in slots)} | {
            f"m{minutes}": _rate(slots, at, 3 + i, horizon, now) / (1 - exp(-age / horizon))
            for i, (minutes, horizon) in enumerate(zip(MINUTES, HORIZONS, strict=True))
        }
    return rates


def _rate(slots: list[SlotView], at: int, lane: int, horizon: float, now: int) -> float:
    """The processes' decayed rates, added; dividing by 1 - exp(-age/T) takes out the start at 0."""
    return sum(
        slot.floats[at + lane] * exp(-max(now - slot.words[at + 2], 0) / SECOND / horizon)
        for slot in slots
    )


def _histograms(source: Reader, kind: str, scale: Scale) -> dict[str, dict[str, float | int]]:
    rows = enumerate(name for _, name in source.names.order[kind])
    group = L.GROUPS[kind]
    found = starmap(lambda row, name: (name, instrument(source, group, row, scale)), rows)
    return dict(found)


def instrument(source: Reader, group: L.Group, row: int, scale: Scale) -> dict[str, float | int]:
    """A histogram in its own unit, a timer in seconds."""
    at, slots = group.start + row * group.lanes, list(source.slots.values())
    used = [s for s in slots if s.words[at]]
    count = sum(s.words[at] for s in used)
    buckets = source.fine(group, row, 0)
    if scale is TIME:
        ns, longest = (sum(s.words[at + 1] for s in used), (s.words[at + 2] for s in used))
        return _in_seconds(_summary(buckets, scale, ns, count, max(longest, default=0)))
    total = finite(sum(s.floats[at + 1] for s in used))
    top = max((s.floats[at + 2] for s in used), default=0.0)
    return _summary(buckets, scale, total, count, top)
