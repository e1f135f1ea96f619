"""What the store says, sorted for pages: the site's routes, its units of work, our own routes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from unhurried.conf import settings
from unhurried.measure import StoreError, snapshot
from unhurried.measure.reading import PARTS, failure, folder, hosts, reader

from . import _bars, _routes
from ._format import plural

WAY_OUT: Final = "Look as the user the site runs as, or name a folder in UNHURRIED['STORE']."


@dataclass(frozen=True, slots=True)
class Hits:
    """How often the kept page of a route was of use, and the address of what is known of it."""

    ratio: float
    slug: str


@dataclass(frozen=True, slots=True)
class Row:
    """A route or unit with its share of the time of its table."""

    kind: str
    name: str
    numbers: dict[str, Any]
    share: float
    bar: list[_bars.Segment]
    hits: Hits | None = None

    @property
    def label(self) -> str:
        return _routes.label(self.kind, self.name)

    @property
    def slug(self) -> str:
        return _routes.slug(self.kind, self.name)

    @property
    def bar_text(self) -> str:
        return _bars.text(self.bar)


@dataclass(slots=True)
class Site:
    """One reading of everything."""

    numbers: dict[str, Any]
    hosts: int
    workers: int
    cost: float | None
    routes: list[Row] = field(default_factory=list)
    units: list[Row] = field(default_factory=list)
    own: list[Row] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.routes or self.units or self.has_instruments)

    @property
    def has_instruments(self) -> bool:
        return any(self.numbers[kind] for kind in INSTRUMENTS)

    def sums(self, key: str) -> dict[str, float]:
        """``where`` or ``how`` over the site's routes, in seconds."""
        total: dict[str, float] = {}
        for row in self.routes:
            for part, value in row.numbers[key].items():
                total[part] = total.get(part, 0.0) + value
        return total

    @property
    def processes(self) -> str:
        """``4 workers, this host only``: what these numbers are of."""
        where = "this host only" if self.hosts == 1 else f"on {plural(self.hosts, 'host')}"
        return f"{plural(self.workers, 'worker')}, {where}"


INSTRUMENTS: Final = ("counters", "gauges", "meters", "histograms", "timers")


def read(own_prefix: tuple[str, ...] = ()) -> Site:
    """Routes below ``own_prefix`` are put apart as the dashboard's own.

    Raises StoreError, with the way out, where the store can't be read.
    """
    try:
        numbers = snapshot(statements=False)
        (host_count, workers), cost = hosts(numbers["workers"]), measuring_cost()
    except OSError as error:
        raise StoreError(f"{folder()} can't be read: {error}.", WAY_OUT) from error
    site = Site(numbers, host_count, workers, cost)
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {"routes": [], "units": [], "own": []}
    for route in numbers["routes"].values():
        kind, name = route["kind"], route["name"]
        own = _routes.is_own(kind, name, own_prefix)
        group = "own" if own else "routes" if kind == "request" else "units"
        found[group].append((kind, name, route))
    site.routes, site.units, site.own = (rows(found[group]) for group in found)
    return site


def rows(found: Iterable[tuple[str, str, dict[str, Any]]]) -> list[Row]:
    """By share of time, the largest first; a bar's length is the share of the longest."""
    ranked = sorted(found, key=lambda item: -item[2]["wall"]["sum"])
    total = sum(route["wall"]["sum"] for _, _, route in ranked) or 1.0
    most = (ranked[0][2]["wall"]["sum"] if ranked else 0.0) or 1.0
    return [
        Row(
            kind,
            name,
            route,
            route["wall"]["sum"] / total,
            _bars.stacked(in_order(route["where"]), route["wall"]["sum"] / most),
        )
        for kind, name, route in ranked
    ]


def in_order(where: dict[str, float]) -> dict[str, float]:
    return {part: where[part] for part in PARTS}


def measuring_cost() -> float | None:
    """Measuring's own share of all sampled units' wall; None before the first sample."""
    source = reader()
    if source is None:
        return None
    merged = source.merged()
    lanes = {
        name: sum(merged.lane(row, name) for row in range(len(merged.routes)))
        for name in ("sampled_own", "sampled_wall")
    }
    return lanes["sampled_own"] / lanes["sampled_wall"] if lanes["sampled_wall"] else None


def notice() -> tuple[str, str] | None:
    """(what, the way out) where numbers are shown but none are added by this process."""
    if not settings.MEASURE:
        return "Measuring is off: UNHURRIED['MEASURE'] is False.", "Take it out of the settings."
    failed = failure()
    return (f"This process does not measure. {failed}", failed.hint) if failed else None
