"""Slide 38 pretends that writes cost ten reads. How many there are of each, in this database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from unhurried.measure import snapshot
from unhurried.measure.reading import asked, reader

_WRITES: Final = re.compile(
    r"\s*(?:(?:INSERT|UPDATE|DELETE|MERGE|REPLACE|COPY|TRUNCATE)\b"
    r"|WITH\b.*\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO)\b)",
    re.IGNORECASE | re.DOTALL,
)
_READS: Final = re.compile(r"\s*(?:SELECT|WITH|VALUES|TABLE)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Statements that one database has been asked, and seconds that it took for them."""

    alias: str
    writes: int
    reads: int
    seconds_of_writes: float
    seconds_of_reads: float

    @property
    def cost(self) -> float | None:
        """What a write costs, in reads of this database; None while there are none of either."""
        if not (self.writes and self.seconds_of_reads):
            return None
        a_read = self.seconds_of_reads / self.reads
        return self.seconds_of_writes / self.writes / a_read


def write_read_ratio() -> list[Ratio]:
    """Of each database, as this host has measured it; nothing is asked of the database."""
    routes, source = snapshot(statements=False)["routes"], reader()
    return of_statements(asked(source, routes, None)["statements"]) if source else []


def of_statements(statements: Iterable[Mapping[str, Any]]) -> list[Ratio]:
    """Of rows with ``sql``, ``alias``, ``count`` and ``seconds``; DDL and the like are neither."""
    sums: dict[str, list[float]] = {}
    for each in statements:
        at = 0 if _WRITES.match(each["sql"]) else 1 if _READS.match(each["sql"]) else None
        if at is not None:
            found = sums.setdefault(each["alias"], [0, 0, 0.0, 0.0])
            found[at] += each["count"]
            found[at + 2] += each["seconds"]
    return [
        Ratio(alias, int(writes), int(reads), of_writes, of_reads)
        for alias, (writes, reads, of_writes, of_reads) in sorted(sums.items())
    ]
