"""Statements, repeats seen and lines that asked: the rows of all processes, merged for reading."""

from __future__ import annotations

import json
from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from . import _layout as L
from ._read import Reader
from ._record import NEVER

#: lane -> how it is merged; all others are added up.
_EXTREMES: Final = {"least": min, "last": max}
Key = tuple[str, str]  # (kind, name) of a route or other unit


@dataclass(slots=True)
class StatementRow:
    """A statement on a route, its lanes in their order: nanoseconds, and ``last`` in unix time.

    ``floor``: the shortest round trip that was seen to this database, in whatever statement.
    """

    unit: Key
    alias: str
    sql: str
    requests: int  # from here on as in ``STATEMENT``
    count: int
    ns: int
    least: int
    fetch: int
    rows: int
    failed: int
    last: int
    floor: int = field(default=0, init=False)
    #: The lines that asked it, those of repeats first, each with its share of the time.
    lines: dict[str, float] = field(default_factory=dict, init=False)

    @property
    def time(self) -> int:
        return self.ns + self.fetch

    @property
    def waiting(self) -> int:
        """Of the time, what went into getting there and back, as far as the floor says."""
        return min(self.count * self.floor, self.ns)


@dataclass(slots=True)
class SightingRow:
    """A repeat that was seen on a route; ``statement`` is the number of its row."""

    unit: Key
    alias: str
    statement: int
    kind: str
    relation: str | None
    loop: str
    through: tuple[str, ...]
    requests: int  # from here on as in ``SIGHTING``
    queries: int
    ns: int
    last: int
    sql: str = field(default=L.OTHER, init=False)


def statements(source: Reader) -> dict[int, StatementRow]:
    """By the number of the row; what came after the last free one is under the route (other)."""
    found = {}
    for row, fields, lanes in _rows(source, "statement", L.STATEMENT):
        kind, name, alias, sql = fields or ("request", L.OTHER, "", L.OTHER)
        found[row] = StatementRow((kind, name), alias, sql, *lanes)
    floors: dict[str, int] = {}
    for each in found.values():
        if each.least:
            floors[each.alias] = min(floors.get(each.alias, NEVER), each.least)
    for each in found.values():
        each.floor = floors.get(each.alias, 0)
    loops, lines = _lines(source)
    for row, each in found.items():
        each.lines = _shares(each.time, loops.get(row, {}), lines.get(row, {}))
    return found


Lines = dict[int, dict[str, int]]  # by the number of a statement, then by line


def _lines(source: Reader) -> tuple[Lines, Lines]:
    """Nanoseconds in the repeats of a line; how often another was seen to ask."""
    loops: Lines = defaultdict(lambda: defaultdict(int))
    lines: Lines = defaultdict(lambda: defaultdict(int))
    for _, fields, lanes in _rows(source, "sighting", L.SIGHTING):
        if fields:
            loops[fields[2]][fields[5]] += lanes[L.SIGHTING.index("ns")]
    for _, fields, lanes in _rows(source, "line", L.LINE):
        if fields:
            lines[fields[0]][fields[1]] += lanes[L.LINE.index("count")]
    return loops, lines


def _shares(time: int, loops: dict[str, int], lines: dict[str, int]) -> dict[str, float]:
    """Repeats took what they took; the rest is of the other lines, by how often they were seen."""
    others = {line: count for line, count in lines.items() if line not in loops}
    rest, seen = max(time - sum(loops.values()), 0), sum(others.values())
    took = {**loops, **{line: rest * count / seen for line, count in others.items()}}
    total = sum(took.values()) or 1
    return {line: each / total for line, each in took.items()}


def sightings(source: Reader, known: dict[int, StatementRow]) -> list[SightingRow]:
    """The dearest first; ``known``: the ``statements``, for their text."""
    found = []
    for _, fields, lanes in _rows(source, "sighting", L.SIGHTING):
        if fields:
            found.append(sighting(fields, lanes, known))
    return sorted(found, key=lambda row: -row.ns)


def sighting(fields: Any, lanes: list[int], known: dict[int, StatementRow]) -> SightingRow:
    """One of them, of what its name says and its lanes."""
    unit, alias, statement, kind, relation, loop, through = fields
    row = SightingRow(tuple(unit), alias, statement, kind, relation, loop, tuple(through), *lanes)
    row.sql = known[statement].sql if statement in known else L.OTHER
    return row


def waiting(known: dict[int, StatementRow]) -> dict[Key, int]:
    """Nanoseconds of each route's database time that went into getting there and back."""
    total: dict[Key, int] = defaultdict(int)
    for row in known.values():
        total[row.unit] += row.waiting
    return total


def _rows(
    source: Reader, name: str, lanes: tuple[str, ...]
) -> Iterator[tuple[int, Any, list[int]]]:
    """(number, fields, lanes) of the rows that have anything; no fields: (other)."""
    names = fields_of(source, name)
    columns = merged(source, L.GROUPS[name], len(names), lanes)
    for row, (fields, *values) in enumerate(zip(names, *columns, strict=True)):
        if values[0]:
            yield row, fields, values


def fields_of(source: Reader, name: str) -> list[Any]:
    """What the names say, each read once. A list of one's own: another thread may read on."""
    order = source.names.order[name]
    with source.reading:
        read = source.fields[name]
        for _, text in order[len(read) :]:
            read.append(None if text == L.OTHER else json.loads(text))
        return read.copy()


def merged(source: Reader, group: L.Group, rows: int, lanes: tuple[str, ...]) -> list[list[int]]:
    """One column per lane."""
    start, end = group.start * L.WORD, (group.start + rows * group.lanes) * L.WORD
    slots = list(source.slots.values())
    total = sum(int.from_bytes(slot.map[start:end], "little") for slot in slots)
    words = array("Q", total.to_bytes(end - start, "little"))
    columns = [words[lane :: group.lanes].tolist() for lane in range(group.lanes)]
    for lane, extreme in _EXTREMES.items():
        if lane in lanes and len(slots) > 1:
            at = lanes.index(lane)
            each = [slot.column(group, at, rows) for slot in slots]
            columns[at] = [extreme(filter(None, v), default=0) for v in zip(*each, strict=True)]
    return columns
