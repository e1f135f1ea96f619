"""What a StatsD event looks like: plain, or with DogStatsD's tags.

StatsD: https://github.com/statsd/statsd/blob/master/docs/metric_types.md.
DogStatsD: https://docs.datadoghq.com/developers/dogstatsd/datagram_shell/.

Plain StatsD knows one distribution, ``ms``; counts of queries and the site's histograms are sent
as such, since ``h`` is not in its specification. Durations are in milliseconds.
"""

from __future__ import annotations

from math import isfinite
from typing import Final, NamedTuple

from ._names import path, prefix, route_path, shown, tag


class Unit(NamedTuple):
    """A finished request or other unit of work."""

    kind: str
    name: str
    status: int
    failed: bool
    wall: int
    queries: int


class Change(NamedTuple):
    """A change of one of the site's instruments."""

    kind: str
    name: str
    value: float


METER: Final = "meter."  # in its name: StatsD has counts alone, and would add it to the counter's
PLAIN_TYPES: Final = {"counter": "c", "meter": "c", "gauge": "g", "histogram": "ms", "timer": "ms"}
DOG_TYPES: Final = {**PLAIN_TYPES, "histogram": "h"}


class Plain:
    """``shop.request.user._int_pk_.time:12.345|ms``: everything in the name."""

    types = PLAIN_TYPES

    def __init__(self, given: str) -> None:
        self.prefix = prefix(given)

    def block(self, event: Unit | Change) -> str:
        """The lines of one event, joined by newlines; empty if it can't be said in StatsD."""
        return self.change(event) if isinstance(event, Change) else self.unit(event)

    def unit(self, unit: Unit) -> str:
        base = f"{self.prefix}{unit.kind}.{route_path(unit.name, unit.kind)}"
        count = f"status.{unit.status // 100}xx" if unit.status else "count"
        lines = [
            f"{base}.time:{unit.wall / 1e6:.3f}|ms",
            f"{base}.queries:{unit.queries}|ms",
            f"{base}.{count}:1|c",
        ]
        if unit.failed:
            lines.append(f"{base}.errors:1|c")
        return "\n".join(lines)

    def change(self, change: Change) -> str:
        value = change.value * 1000 if change.kind == "timer" else change.value
        if not isfinite(value):
            return ""
        kind = METER if change.kind == "meter" else ""
        name = f"{self.prefix}{kind}{path(change.name)}"
        line = f"{name}:{number(value)}|{self.types[change.kind]}"
        return self.gauge(name, value, line) if change.kind == "gauge" else line

    def gauge(self, name: str, value: float, line: str) -> str:
        """A sign would make it a change by that much: below 0 it is set to 0 first."""
        return f"{name}:0|g\n{line}" if value < 0 else line


class Tagged(Plain):
    """``shop.request.time:12.345|ms|#route:/user/_int:pk_/,status:200``: one name, many tags."""

    types = DOG_TYPES

    def unit(self, unit: Unit) -> str:
        base = f"{self.prefix}{unit.kind}"
        tags = f"|#{'route' if unit.kind == 'request' else 'unit'}:" + tag(
            shown(unit.kind, unit.name)
        )
        if unit.status:
            tags += f",status:{unit.status}"
        lines = [
            f"{base}.time:{unit.wall / 1e6:.3f}|ms{tags}",
            f"{base}.queries:{unit.queries}|h{tags}",
            f"{base}.count:1|c{tags}",
        ]
        if unit.failed:
            lines.append(f"{base}.errors:1|c{tags}")
        return "\n".join(lines)

    def gauge(self, name: str, value: float, line: str) -> str:
        return line  # DogStatsD knows no relative gauges


def number(value: float) -> str:
    """As short as is exact; whole numbers without a point."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value) if isinstance(value, int) else repr(float(value))
