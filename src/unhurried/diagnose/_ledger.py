"""Users' time, taken apart: what each route's requests waited for, in seconds.

The parts are what the store holds; lines and packages are estimated from looks at working threads,
twenty a second (statistical profiling), scaled to the time that is known exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeVar

from unhurried.measure.reading import (
    Lanes,
    SampleRow,
    SightingRow,
    StatementRow,
    VitalRow,
    Window,
)

from ._queue import believed
from ._sizes import DELAY, OF_ALL, SHARE, TRIFLE
from ._words import label

T = TypeVar("T", StatementRow, SightingRow, SampleRow)

NS: Final = 1e9
NEAR: Final = 0.0005  # seconds: what a round trip takes in one room with the database
MOST: Final = 0.9  # of a page's Python, that a loop's queries may take unseen
LOOKS: Final = 8  # at a line, before anything is said or counted of it
STRAINED: Final = 0.5  # seconds waited for a core, per second on one
USUAL: Final = 0.3  # of that: bursts of the site's own, where half of the machine is idle
LATE: Final = 0.15  # of the time watched, that the heartbeat came late
#: Seconds of Python for an ORM query, at least: cursors and compilers are met by few looks.
ORM: Final = 0.0004


@dataclass(slots=True)
class Spent:
    """Seconds at one place of the code; ``looks`` at it."""

    part: str
    line: str
    package: str
    seconds: float
    looks: int


@dataclass
class Route:
    """One route in the window; times in seconds."""

    name: str
    lanes: Lanes
    floors: dict[str, float]
    strain: float = 0.0
    pace: float = 1.0
    statements: list[StatementRow] = field(default_factory=list)
    sightings: list[SightingRow] = field(default_factory=list)
    samples: list[SampleRow] = field(default_factory=list)
    believed: float = 1.0  # of the queue

    @property
    def label(self) -> str:
        return label(self.name)

    @cached_property
    def requests(self) -> int:
        return self.lanes["requests"]

    @cached_property
    def wall(self) -> float:
        return self.lanes.seconds("wall")

    @cached_property
    def queue(self) -> float:
        return self.lanes.seconds("queue") * self.believed

    @property
    def time(self) -> float:
        return self.wall + self.queue

    @property
    def mean(self) -> float:
        return self.time / max(self.requests, 1)

    @cached_property
    def database(self) -> float:
        return self.lanes.seconds("db")

    @cached_property
    def template(self) -> float:
        return self.lanes.seconds("template")

    @cached_property
    def http(self) -> float:
        return self.lanes.seconds("http")

    @cached_property
    def cache(self) -> float:
        return self.lanes.seconds("cache")

    @cached_property
    def view(self) -> float:
        known = self.database + self.template + self.http + self.cache
        return max(self.wall - known, 0.0)

    @cached_property
    def waited(self) -> float:
        """For a core, beyond what is usual, for each second on one."""
        return min(self.lanes.seconds("cpu") * max(self.strain - USUAL, 0.0), self.wall)

    @cached_property
    def spent(self) -> list[Spent]:
        """Where the time outside databases and caches went, the most first."""
        looked = sum(row.ns for row in self.samples) / NS
        scale = (self.view + self.template + self.http) / looked if looked else 0.0
        return [
            Spent(row.part, row.line, row.package, row.ns / NS * scale, row.count)
            for row in self.samples
            if row.part != "error"
        ]

    @property
    def errors(self) -> list[SampleRow]:
        """Lines that requests ended in."""
        found = (row for row in self.samples if row.part == "error")
        return sorted(found, key=lambda row: -row.count)

    @cached_property
    def loops(self) -> set[str]:
        return {row.loop for row in self.sightings}

    def trips(self, alias: str) -> float:
        """Seconds of a round trip to a database of this window."""
        return self.floors.get(alias, 0.0) / NS

    @cached_property
    def far(self) -> float:
        """Round trips, as far as they are longer than in one room with the database."""
        return sum(map(self.far_of, self.statements))

    def far_of(self, row: StatementRow) -> float:
        return min(row.count * max(self.trips(row.alias) - NEAR, 0.0), row.ns / NS)

    @cached_property
    def repeated(self) -> float:
        """Statements of loops, without what is ``far``."""
        return sum(map(self.cost_of, self.sightings))

    def cost_of(self, row: SightingRow) -> float:
        far = row.queries * max(self.trips(row.alias) - NEAR, 0.0)
        return max(row.ns / NS - far, 0.0)

    @cached_property
    def looping(self) -> float:
        """Python's own work for the statements of loops: the ORM's, at the loop's line."""
        return sum(self._looping.values())

    def looping_at(self, loop: str) -> float:
        return self._looping.get(loop, 0.0)

    @cached_property
    def _looping(self) -> dict[str, float]:
        """Seconds by loop; together no more than the page's Python can have been."""
        seen = {loop: self._seen_at(loop) for loop in self.loops}
        queries = dict.fromkeys(self.loops, 0)
        for row in self.sightings:
            queries[row.loop] += row.queries
        found = {loop: max(seen[loop], queries[loop] * ORM * self.pace) for loop in self.loops}
        most = max(MOST * (self.view + self.template), sum(seen.values()))
        fits = min(most / (sum(found.values()) or 1.0), 1.0)
        return {loop: seconds * fits for loop, seconds in found.items()}

    def _seen_at(self, loop: str) -> float:
        spent = [spent for spent in self.spent if spent.line == loop]
        enough = sum(each.looks for each in spent) >= LOOKS
        return sum(each.seconds for each in spent) if enough else 0.0

    def is_loop(self, spent: Spent) -> bool:
        return spent.line in self.loops


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
        for _, row in self.statements():
            if row.floor:
                floors = self.window.floors
                floors[row.alias] = min(floors.get(row.alias, row.floor), row.floor)

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
