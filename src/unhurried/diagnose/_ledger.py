"""Users' time, taken apart: what each route's requests waited for, in seconds.

The parts are what the store holds; lines and packages are estimated from looks at working threads,
twenty a second (statistical profiling), scaled to the time that is known exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final, TypeVar

from unhurried.measure.reading import (
    SampleRow,
    SightingRow,
    StatementRow,
    VitalRow,
    Window,
)

from ._queue import believed
from ._route import Route
from ._sizes import DELAY, OF_ALL, SHARE, TRIFLE

T = TypeVar("T", StatementRow, SightingRow, SampleRow)
STRAINED: Final = 0.5  # seconds waited for a core, per second on one
LATE: Final = 0.15  # of the time watched, that the heartbeat came late


class Ledger:
    """All routes but our own; ``time`` is what users waited for, in seconds.

    ``worth``: seconds of a request, from which on something is worth a word. ``pace``: how long
    Python takes on this machine, of what it takes on the usual one.
    """

    def __init__(
        self, window: Window, own: tuple[str, ...] = (), worth: float = DELAY, pace: float = 1.0
    ) -> None:
        self.window, self.worth, self.pace = window, worth, pace
        found = list(_routes(window, own, pace))
        self.believed = self._believe(found)
        self.routes = sorted(found, key=lambda route: -route.time)
        self.by_name = {route.name: route for route in self.routes}
        if self.strain >= STRAINED:
            self._forgive()
        self.vitals = [row for row in window.vitals if row.route in self.by_name]

    def _believe(self, routes: list[Route]) -> float:
        """What headers say of the queue, as far as it can be; where cores are short, anything."""
        said = sum(route.lanes.seconds("queue") for route in routes)
        wall = sum(route.wall for route in routes)
        part = 1.0 if self.strain >= STRAINED else believed(self.window, wall, said)
        for route in routes:
            route.believed = part
        return part

    def _forgive(self) -> None:
        """Where cores are short every trip takes longer: the way is the shortest ever seen."""
        floors = self.window.floors
        for _, row in self.statements():
            if row.floor and row.alias in floors:
                floors[row.alias] = min(floors[row.alias], row.floor)

    @cached_property
    def requests(self) -> int:
        return sum(route.requests for route in self.routes)

    @cached_property
    def served(self) -> float:
        return self.sum("wall") + self.sum("queue")

    @cached_property
    def time(self) -> float:
        return self.served + self.browsing

    @property
    def mean(self) -> float:
        return self.time / max(self.requests, 1)

    def matters(self, share: float, delay: float, total: float = 0.0) -> bool:
        """Whether a share of users' time is felt: the half of a page of 70 ms is not.

        ``delay``: seconds of each request that has it. ``total``: the share of all places of this
        kind, which may be many and small.
        """
        felt = share >= SHARE or (total >= SHARE and share >= TRIFLE)
        return felt and delay >= self.worth

    def matters_to_all(self, share: float, delay: float) -> bool:
        """The same for what all requests have: the network, the machine."""
        return share >= SHARE and delay >= self.worth * OF_ALL

    def sum(self, part: str) -> float:
        found: float = sum(getattr(route, part) for route in self.routes)
        return found

    def share(self, seconds: float) -> float:
        """Of what the server's side takes: a slow browser makes no query faster."""
        return min(seconds / self.served, 1.0) if self.served else 0.0

    def share_of_all(self, seconds: float) -> float:
        """Of that and what browsers take."""
        return min(seconds / self.time, 1.0) if self.time else 0.0

    def per_request(self, seconds: float) -> float:
        return seconds / max(self.requests, 1)

    @cached_property
    def browsing(self) -> float:
        """What browsers took themselves, of all page views, as those tell that were asked."""
        return sum(self.browsing_on(route) for route in self.routes)

    def browsing_on(self, route: Route) -> float:
        row = self.vital(route.name, "front")
        return row.sum / row.count / 1e6 * route.requests if row else 0.0

    def vital(self, route: str, metric: str) -> VitalRow | None:
        found = (row for row in self.vitals if (row.route, row.metric) == (route, metric))
        return next((row for row in found if row.count), None)

    def statements(self) -> Iterator[tuple[Route, StatementRow]]:
        for route in self.routes:
            for row in route.statements:
                yield route, row

    @cached_property
    def looks(self) -> int:
        return sum(spent.looks for route in self.routes for spent in route.spent)

    @cached_property
    def strain(self) -> float:
        """Seconds waited for a core, per second on one: 0 on a quiet machine."""
        return _strain(self.window)

    @cached_property
    def working(self) -> float:
        """Seconds in the site's own code and templates, whether on a core or not."""
        return self.sum("view") + self.sum("template")

    @cached_property
    def late(self) -> float:
        """Of the time, how much the heartbeat of a process waited for its turn."""
        watched, late = (self.window.process.get(key, 0) for key in ("watched", "late"))
        return late / watched if watched else 0.0

    @cached_property
    def waited_for_turn(self) -> float:
        """Seconds in which threads waited for each other to run Python, where heartbeats say so."""
        if self.late < LATE or self.strain >= STRAINED:
            return 0.0
        return max(self.working - self.sum_lane("cpu") - self.sum("waited"), 0.0)

    @cached_property
    def calm(self) -> float:
        """The part of ``working`` in which a thread did not wait for a core, or for its turn."""
        waited = self.sum("waited") + self.waited_for_turn
        return 1 - min(waited / self.working, 0.9) if self.working else 1.0

    def sum_lane(self, name: str) -> float:
        return sum(route.lanes.seconds(name) for route in self.routes)

    @cached_property
    def parts(self) -> dict[str, float]:
        """Users' time by where it went; adds up to ``time``."""
        way = self.sum("far")
        found = {
            "queue": self.sum("queue"),
            "way": way,
            "db": max(self.sum("database") - way, 0.0),
            "cache": self.sum("cache"),
            "http": self.sum("http"),
            "template": self.sum("template"),
            "view": self.sum("view"),
            "browser": self.browsing,
        }
        return {name: seconds for name, seconds in found.items() if seconds or name == "view"}


def _strain(window: Window) -> float:
    ran, waited = (window.process.get(key, 0) for key in ("ran", "waited"))
    return waited / ran if ran else 0.0


def _routes(window: Window, own: tuple[str, ...], pace: float) -> Iterator[Route]:
    strain = _strain(window)
    statements = _by_route(window.statements)
    sightings = _by_route(window.sightings)
    samples = _by_route(window.samples)
    for (kind, name), lanes in window.units.items():
        if kind == "request" and not name.startswith(own):
            yield Route(
                name,
                lanes,
                window.floors,
                strain,
                pace,
                statements.get(name, []),
                sightings.get(name, []),
                samples.get(name, []),
            )


def _by_route(rows: Iterable[T]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for row in rows:
        if row.unit[0] == "request":
            found.setdefault(row.unit[1], []).append(row)
    return found
