"""What happened between two moments, row by row: what a verdict is made of.

Sums only: maxima and quantiles have no difference. Times are in nanoseconds where nothing else is
said, as they are in the store.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from . import _host, _moments, _tables
from . import _layout as L
from ._locks import locked
from ._moments import Moment
from ._read import Reader
from ._snapshot import Lanes
from ._tables import Key, SightingRow, StatementRow

CHEAPEST: Final = 10  # statements of one text at least, before its mean says what a trip takes


@dataclass(slots=True)
class SampleRow:
    """Where units of one route were seen working, looked at twenty times a second.

    ``part``: "view" (the project's own code, at ``line``), "template" (a template, at ``line``),
    "package" (``package`` called from ``line``), "http" (likewise, waiting for another server),
    "django" (nobody else's code). ``ns``: the time these looks stand for. And "error": how often a
    request ended in an exception from ``line``, ``package`` being its class and who raised it.
    """

    unit: Key
    part: str
    line: str
    package: str
    count: int
    ns: int


@dataclass(slots=True)
class ClientRow:
    """One of those that cost most; ``error`` is how much of ``cost`` may be somebody else's.

    ``client``: a hash, see ``_clients``.
    """

    client: int
    cost: int
    error: int
    requests: int
    failed: int


@dataclass(slots=True)
class VitalRow:
    """A metric as browsers told it: microseconds, of CLS millionths; ``buckets`` of ``_vitals``."""

    route: str
    metric: str
    count: int
    sum: int
    buckets: list[int]


@dataclass(slots=True)
class Process:
    """A living one, as it described itself; see ``_watch``. ``threads``: 0 if not known."""

    pid: int
    born: int
    threads: int
    most_busy: int
    server: int
    debug: bool


@dataclass(slots=True)
class Window:
    """All that happened in ``seconds``, up to ``at`` (unix time).

    ``whole``: since measuring began. ``process``: the lanes ``PROCESS`` that only grow, of all
    processes, dead ones included. ``host``: microseconds in the window by "cpu", "io", "memory",
    "throttled"; empty where the machine does not tell, or nothing was kept to compare with.
    ``floors``: nanoseconds of a round trip, by alias: the cheapest text's mean in this window,
    where two came often, else the shortest seen; none where one text alone was asked.
    """

    at: float
    seconds: float
    whole: bool
    units: dict[Key, Lanes] = field(default_factory=dict)
    statements: list[StatementRow] = field(default_factory=list)
    sightings: list[SightingRow] = field(default_factory=list)
    samples: list[SampleRow] = field(default_factory=list)
    clients: list[ClientRow] = field(default_factory=list)
    vitals: list[VitalRow] = field(default_factory=list)
    process: dict[str, int] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    host: _host.Host = field(default_factory=dict)
    floors: dict[str, float] = field(default_factory=dict)
    cores: int = 1


def between(source: Reader, before: Moment | None, after: Moment) -> Window:
    words = {
        name: _minus(after.words[name], before.words[name] if before else None)
        for name in _moments.GROUPS
    }
    processes = _processes(source)
    began = before.at if before else _began(source)
    found = Window(after.at, max(after.at - began, 0.0), whole=before is None)
    found.units = _units(source, words["route"])
    known = _tables.statements(source)
    found.statements = _statements(known, words["statement"])
    found.sightings = _sightings(source, known, words["sighting"])
    found.samples = _samples(source, words["sample"])
    found.clients = _clients(after.clients, before.clients if before else {})
    found.vitals = _vitals(source, words["vital"])
    found.process = dict(zip(L.PROCESS, words["process"], strict=True))
    found.processes = processes
    if before:
        found.host = {
            key: after.host[key] - before.host[key] for key in after.host if key in before.host
        }
    found.floors = _floors(found.statements)
    found.cores = _host.cores()
    return found


def _began(source: Reader) -> float:
    """When the store was made: nobody ever writes to the file that is locked."""
    return (source.folder / "lock").stat().st_mtime


def _minus(after: array[int], before: array[int] | None) -> array[int]:
    """Lane by lane; what has shrunk (a maximum of a slot taken over) is 0."""
    if before is None:
        return after
    return array("Q", (max(a - b, 0) for a, b in zip(after, before, strict=True)))


def _units(source: Reader, words: array[int]) -> dict[Key, Lanes]:
    found = {}
    for row, (kind, name) in enumerate(source.names.order["route"]):
        lanes = Lanes(words[row * L.LANES : (row + 1) * L.LANES])
        if lanes["requests"]:
            found[kind, name] = lanes
    return found


def _rows(
    source: Reader, name: str, lanes: tuple[str, ...], words: array[int]
) -> Iterator[tuple[Any, list[int]]]:
    width = L.GROUPS[name].lanes
    for row, fields in enumerate(_tables.fields_of(source, name)):
        values = words[row * width : row * width + len(lanes)].tolist()
        if values[0]:
            yield fields, values


def _statements(known: dict[int, StatementRow], words: array[int]) -> list[StatementRow]:
    names, width = L.STATEMENT, len(L.STATEMENT)
    for row, each in known.items():
        for lane, name in enumerate(names):
            if name not in ("least", "last"):
                setattr(each, name, words[row * width + lane])
    return sorted((row for row in known.values() if row.count), key=lambda row: -row.time)


def _sightings(
    source: Reader, known: dict[int, StatementRow], words: array[int]
) -> list[SightingRow]:
    rows = _rows(source, "sighting", L.SIGHTING, words)
    found = [_tables.sighting(fields, values, known) for fields, values in rows if fields]
    return sorted(found, key=lambda row: -row.ns)


def _samples(source: Reader, words: array[int]) -> list[SampleRow]:
    found = [
        SampleRow((fields[0], fields[1]), *fields[2:5], *values[:2])
        for fields, values in _rows(source, "sample", L.SAMPLE, words)
        if fields
    ]
    return sorted(found, key=lambda row: -row.ns)


def _clients(after: _moments.Clients, before: _moments.Clients) -> list[ClientRow]:
    found = [
        _client(client, lanes[:4], before.get(client, [0, 0, 0, 0])[:4])
        for client, lanes in after.items()
    ]
    return sorted((row for row in found if row.requests), key=lambda row: -row.cost)


def _client(client: int, now: list[int], then: list[int]) -> ClientRow:
    """What he has cost since.

    Who came into the table since, or came again, begins with the cost of whom he put out: that is
    left out, and with it what he may have cost himself while he had no place.
    """
    cost, error, requests, failed = now
    if not any(then) or requests < then[2]:
        return ClientRow(client, cost - error, 0, requests, failed)
    lanes = (max(a - b, 0) for a, b in zip(now, then, strict=True))
    return ClientRow(client, *lanes)


def _vitals(source: Reader, words: array[int]) -> list[VitalRow]:
    return [
        VitalRow(fields[0], fields[1], values[0], values[1], values[3:])
        for fields, values in _rows(source, "vital", L.VITAL, words)
        if fields
    ]


def _processes(source: Reader) -> list[Process]:
    group, found = L.GROUPS["process"], []
    with locked(source.folder):
        alive = [slot for slot in source.slots.values() if slot.alive()]
    for slot in alive:
        own = dict(zip(L.PROCESS, slot.words[group.start : group.start + group.lanes], strict=True))
        if own["configured"]:
            found.append(
                Process(
                    pid=slot.words[L.H_PID],
                    born=own["born"],
                    threads=own["threads"],
                    most_busy=own["most_busy"],
                    server=own["server"],
                    debug=bool(own["debug"]),
                )
            )
    return found


def _floors(statements: list[StatementRow]) -> dict[str, float]:
    """None of a database that was asked one text alone: its way can't be told from its work.

    Nor is a mean told, where one text alone came often: then it is the shortest trip ever seen.
    """
    asked: dict[str, list[StatementRow]] = {}
    for row in statements:
        asked.setdefault(row.alias, []).append(row)
    return {
        alias: floor
        for alias, rows in asked.items()
        if len({row.sql for row in rows}) > 1 and (floor := _floor(rows))
    }


def _floor(rows: list[StatementRow]) -> float:
    """Of one database; 0 where it is not known."""
    often = [row for row in rows if row.count >= CHEAPEST and row.ns]
    if len({row.sql for row in often}) > 1:
        return min(row.ns / row.count for row in often)
    return float(min((row.floor for row in rows if row.floor), default=0))
