"""What Prometheus is told: the families of the routes, and of the site's own instruments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .. import _layout as L
from .._buckets import COARSE_COUNT, COARSE_SECONDS
from .._instruments import MINUTES
from .._read import Merged, Reader
from .._record import PARTS
from .._snapshot import SECOND, standing
from ._exposition import Exposition, escaped, histogram, number
from ._names import shown

SECONDS: Final = tuple(str(edge) for edge in COARSE_SECONDS)
COUNTS: Final = tuple(str(edge) for edge in COARSE_COUNT)

#: (name, lane, what it is) of plain totals.
TOTALS: Final = (
    ("unhurried_errors_total", "errors", "Units that raised or answered 500 or above."),
    ("unhurried_exceptions_total", "exceptions", "Units that raised."),
    ("unhurried_response_bytes_total", "bytes", "Bytes of response bodies."),
    ("unhurried_connects_total", "connects", "Connections opened to databases."),
)
#: (name, metric, lane of the sum, edges, divisor, what it is)
HISTOGRAMS: Final = (
    ("unhurried_request_duration_seconds", "wall", "wall", SECONDS, SECOND, "Wall time."),
    ("unhurried_request_db_seconds", "db", "db", SECONDS, SECOND, "Time in databases."),
    ("unhurried_request_queries", "queries", "queries", COUNTS, 1, "Queries."),
    (
        *("unhurried_request_queue_seconds", "queue", "queue", SECONDS, SECOND),
        "Time before the application, by X-Request-Start.",
    ),
)
STATUSES: Final = tuple(
    (str(name), L.LANE[f"status_{name}"]) for name in (*L.STATUSES, *L.STATUS_CLASSES)
)


@dataclass(frozen=True, slots=True)
class Row:
    """A route's lanes and its labels, ready to be written."""

    labels: str
    lanes: list[int]
    in_flight: int

    def lane(self, name: str) -> int:
        return self.lanes[L.LANE[name]]


def workers(page: Exposition, merged: Merged) -> None:
    sample = [f"unhurried_workers {merged.workers}"]
    page.family("unhurried_workers", "gauge", "Processes that measure.", sample)


def routes(page: Exposition, merged: Merged) -> None:
    """What every route and other unit of work has."""
    rows = list(_rows(merged))
    name = "unhurried_requests_total"
    page.family(name, "counter", "Finished units, by status.", _requests(name, rows))
    for name, lane, about in TOTALS:
        page.family(name, "counter", about, _totals(name, lane, rows))
    name = "unhurried_requests_in_flight"
    samples = [f"{name}{{{row.labels}}} {row.in_flight}" for row in rows]
    page.family(name, "gauge", "Units under way in living processes.", samples)
    name = "unhurried_cpu_seconds_total"
    samples = [f"{name}{{{row.labels}}} {row.lane('cpu') / SECOND!r}" for row in rows]
    page.family(name, "counter", "CPU time.", samples)
    name = "unhurried_time_seconds_total"
    page.family(name, "counter", "Wall time by part; the parts add up to it.", _time(name, rows))
    for name, metric, lane, edges, unit, about in HISTOGRAMS:
        counted = [
            (row.labels, counts, row.lane(lane) / unit if unit != 1 else row.lane(lane))
            for row in rows
            if (counts := _coarse(row, metric)) is not None
        ]
        page.family(name, "histogram", about, histogram(name, edges, counted))


def _rows(merged: Merged) -> Iterator[Row]:
    for row, (kind, name) in enumerate(merged.routes):
        lanes = merged.lanes[row * L.LANES : (row + 1) * L.LANES].tolist()
        if lanes[L.LANE["requests"]] or merged.in_flight[row]:
            labels = f'route="{escaped(shown(kind, name))}",kind="{kind}"'
            yield Row(labels, lanes, merged.in_flight[row])


def _requests(name: str, rows: list[Row]) -> Iterator[str]:
    for row in rows:
        start, rest = f'{name}{{{row.labels},status="', row.lane("requests")
        for status, lane in STATUSES:
            if count := row.lanes[lane]:
                rest -= count
                yield f'{start}{status}"}} {count}'
        if rest > 0:  # units outside HTTP have no status
            yield f'{start}"}} {rest}'


def _totals(name: str, lane: str, rows: list[Row]) -> Iterator[str]:
    index = L.LANE[lane]
    return (f"{name}{{{row.labels}}} {row.lanes[index]}" for row in rows)


def _time(name: str, rows: list[Row]) -> Iterator[str]:
    for row in rows:
        parts = {part: row.lane(part) for part in PARTS[1:]}
        parts["view"] = max(row.lane("wall") - sum(parts.values()), 0)
        for part, ns in parts.items():
            yield f'{name}{{{row.labels},part="{part}"}} {ns / SECOND!r}'


def _coarse(row: Row, metric: str) -> list[int] | None:
    """The row's counts per bucket. Requests without a query were not written; all had none of
    those, so they are in the lowest. A queue is absent, not zero, without its header."""
    at = L.COARSE[metric]
    counts = row.lanes[at : at + 16]
    if metric == "queue":
        return counts if row.lane("queued") else None
    counts[0] += max(row.lane("requests") - sum(counts), 0)
    return counts


def own(page: Exposition, source: Reader, merged: Merged) -> None:
    """The site's instruments, under their own names."""
    now = standing(source, merged)
    _counters(page, source, merged)
    for name, value in now["gauges"].items():
        _single(page, name, "gauge", f"Gauge {name}.", value)
    for name, rates in now["meters"].items():
        _single(page, name, "counter", f"Meter {name}.", rates["count"], "_total", "meter")
        _rates(page, name, rates)
    for kind, suffix, unit in (("histogram", "", 1.0), ("timer", "_seconds", SECOND)):
        for row, (_, name) in enumerate(source.names.order[kind]):
            _summary(page, source, kind, row, name, suffix, unit)


def _counters(page: Exposition, source: Reader, merged: Merged) -> None:
    """Increments alone never fall, as a counter must not; one that was ever decremented also has
    its value, as a gauge."""
    for row, (_, name) in enumerate(source.names.order["counter"]):
        up, down = merged.counters[2 * row], merged.counters[2 * row + 1]
        _single(page, name, "counter", f"Counter {name}: its increments.", up, "_total")
        if down:
            _single(page, name, "gauge", f"Counter {name}: its value.", up - down, salt="value of ")


def _single(
    page: Exposition,
    name: str,
    kind: str,
    about: str,
    value: float,
    suffix: str = "",
    salt: str = "",
) -> None:
    free = page.free(name, kind, suffix=suffix, salt=salt or kind)
    page.family(free, kind, about, [f"{free} {number(value)}"])


def _rates(page: Exposition, name: str, rates: dict[str, float]) -> None:
    free = page.free(name, "gauge", suffix="_rate", salt="meter")
    samples = [
        f'{free}{{minutes="{minutes}"}} {number(rates[f"m{minutes}"])}' for minutes in MINUTES
    ]
    page.family(free, "gauge", f"Meter {name}: per second, over the last minutes.", samples)


def _summary(
    page: Exposition,
    source: Reader,
    kind: str,
    row: int,
    name: str,
    suffix: str,
    unit: float,
) -> None:
    group, free = L.GROUPS[kind], page.free(name, "summary", suffix=suffix, salt=kind)
    at, slots = group.start + row * group.lanes, list(source.slots.values())
    count = sum(slot.words[at] for slot in slots)
    total = sum((s.words if kind == "timer" else s.floats)[at + 1] for s in slots) / unit
    samples = [f"{free}_sum {number(total)}", f"{free}_count {count}"]
    page.family(free, "summary", f"{kind.capitalize()} {name}.", samples)
