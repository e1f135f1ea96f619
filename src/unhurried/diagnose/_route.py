"""One route's share of users' time: what its requests waited for, in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from unhurried.measure.reading import (
    Lanes,
    SampleRow,
    SightingRow,
    StatementRow,
)

from ._words import label

NS: Final = 1e9
NEAR: Final = 0.0005  # seconds: what a round trip takes in one room with the database
MOST: Final = 0.9  # of a page's Python, that a loop's queries may take unseen
LOOKS: Final = 8  # at a line, before anything is said or counted of it
#: Seconds waited for a core, per second on one: bursts of the site's own, where half of the machine
#: is idle.
USUAL: Final = 0.3
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
