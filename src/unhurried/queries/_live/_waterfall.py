"""The latest sampled request of each route, statement by statement: where on its time line each
lies. Fingerprints and times, never a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import get_ident
from time import time
from typing import Any, Final

from unhurried.measure.reading import (
    PARTS,
    Reader,
    Record,
    SampledRecord,
    Seen,
    files,
    not_kept,
    say_once,
)

from .._sql._fingerprint import fingerprint
from .._sql._vendor import vendor

FOLDER: Final = "waterfalls"
EVERY: Final = 10_000_000_000  # nanoseconds between two of a route in one process


@dataclass(frozen=True, slots=True)
class Bar:
    """A statement under way: seconds since the request began, seconds it took, executing alone."""

    start: float
    seconds: float
    alias: str
    sql: str
    line: str | None


@dataclass(frozen=True, slots=True)
class Waterfall:
    """One request. Times in seconds, ``at`` unix time of its end; ``queries`` it made in all."""

    at: float
    status: int
    wall: float
    parts: dict[str, float]
    queries: int
    bars: tuple[Bar, ...]


def keep(record: Record) -> None:
    """A subscriber of ``finished``: write down a sampled unit that asked something."""
    if type(record) is not SampledRecord or not record.timeline or record.store.left:
        return
    drawn, unit = record.store.kept.setdefault("drawn", {}), (record.kind, record.name)
    if record.last < drawn.get(unit, 0):
        return
    if len(drawn) > 4 * len(record.store.names.order["route"]):
        drawn.clear()  # names beyond the cap are all (other)
    drawn[unit] = record.last + EVERY
    try:
        _write(record)
    except OSError as error:
        not_kept("No request is drawn", error)


def _write(record: SampledRecord) -> None:
    store = record.store
    with store.lock:
        row = store.names.row(record.kind, record.name)
    folder = store.folder / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    name = store.names.order["route"][row][1]
    document = _document(record) | {"kind": record.kind, "name": name}
    mark = f"{store.slot.path.name}.{get_ident()}"  # routes that are all (other) share a file
    files.write(folder / f"{row}.json", document, mark)


def _document(record: SampledRecord) -> dict[str, Any]:
    numbers: dict[int, int] = {}
    statements: list[tuple[str, str, str | None]] = []
    bars: list[tuple[int, int, int]] = []
    for start, took, seen in record.timeline:
        number = numbers.setdefault(id(seen), len(numbers))
        if number == len(statements):
            statements.append(_statement(seen))
        bars.append((start, took, number))
    return {
        "at": time(),
        "status": record.status,
        "wall": record.wall,
        "parts": record.parts,
        "queries": record.queries,
        "statements": statements,
        "bars": bars,
    }


def _statement(seen: Seen) -> tuple[str, str, str | None]:
    return seen.alias, fingerprint(seen.sql, vendor(seen.alias)), seen.line


def load(source: Reader, kind: str, name: str) -> Waterfall | None:
    """That of a route; None where there is none, or none that can be read."""
    row = source.names.rows["route"].get((kind, name))
    path = source.folder / FOLDER / f"{row}.json"
    try:
        found = files.read(path)
        return None if found is None else _taken(found)
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
        say_once("%s can't be read: %s. Remove it.", path, type(error).__name__)
        return None


def _taken(found: dict[str, Any]) -> Waterfall:
    texts = [(str(alias), str(sql), line and str(line)) for alias, sql, line in found["statements"]]
    bars = tuple(Bar(start / 1e9, took / 1e9, *texts[n]) for start, took, n in found["bars"])
    parts = {part: ns / 1e9 for part, ns in zip(PARTS, found["parts"], strict=True)}
    return Waterfall(
        float(found["at"]),
        int(found["status"]),
        found["wall"] / 1e9,
        parts,
        int(found["queries"]),
        bars,
    )
