"""What production sees of queries: each unit's statements, added to the rows of its route.

It listens to three events of measuring: a text that is met on a route for the first time, and a
statement that repeats itself, while the code that asks is still on the stack; and a unit that has
finished. Then its statements are written into the store,
under their fingerprints; the raw text is only the key by which the row is found again.
"""

from __future__ import annotations

from time import time
from typing import Any, Final

from unhurried.measure.reading import (
    OTHER,
    STATEMENT,
    UNRESOLVED,
    Record,
    Seen,
    Store,
    folding,
    met,
    repeated,
    weighed,
)

from .._sql._fingerprint import fingerprint
from .._sql._vendor import vendor
from . import _sight, _waterfall, _working
from ._sight import Sighting

REMEMBERED: Final = 8192  # raw texts of all routes
WORTH: Final = 8192  # characters of a text that is remembered
NEW: Final = 100  # texts unknown so far that one unit may add; the rest is (other)
#: Rows of one route, of one other unit of work: what migrations ask is never asked again.
SHARE: Final = {"request": 200, "unit": 50}
LABEL: Final = 200  # characters of a line or a relation
REQUESTS, COUNT, NS, LEAST, FETCH, ROWS, FAILED, LAST = range(len(STATEMENT))


class Known:
    """The rows of one route's statements in this process's slot, by raw text.

    ``room``: how many more it may name. The whole list is short, and is there for all routes.
    """

    __slots__ = ("kind", "name", "room", "rows")

    def __init__(self, kind: str, name: str, room: int) -> None:
        self.kind, self.name, self.room = kind, name, room
        self.rows: dict[Any, Row] = {}


class Row:
    """A statement's row; ``noted`` holds the lanes of what was noted about it."""

    __slots__ = ("alias", "lanes", "noted", "number")

    def __init__(self, alias: str, number: int, lanes: memoryview) -> None:
        self.alias, self.number, self.lanes = alias, number, lanes
        self.noted: dict[str | Sighting, memoryview] = {}

    def note(self, what: str | Sighting, number: int, lanes: memoryview) -> memoryview:
        if len(self.noted) >= NEW:
            self.noted.clear()
        self.noted[what] = lanes
        return lanes


def look(record: Record, seen: Seen) -> None:
    """Note what a repeat is, while the code that asks is on the stack."""
    seen.note = _sight.sight(record, seen) or seen.note


def ask(record: Record, key: Any, seen: Seen) -> None:
    """Note the line that a text comes from which is met for the first time, or for a sample."""
    seen.line = _sight.line()
    store = record.store
    if store.left or len(key) > WORTH or len(record.statements) > NEW:
        return
    met_so_far = store.kept["met"] = store.kept.get("met", 0) + 1
    if met_so_far > REMEMBERED:
        store.met.clear()
        store.kept["met"] = 1
    store.met.setdefault(record.name, {})[key] = seen.line


def fold(record: Record) -> None:
    """Add a unit's statements to their rows."""
    kept = record.store.kept
    known = kept.get((record.kind, record.name)) or _know(record)
    rows, now, new = known.rows, int(time()), 0
    for key, seen in record.statements.copy().items():  # what it has begun may still ask
        row = rows.get(key)
        if row is None or row.alias != seen.alias:
            new += 1
            row = _row(record, known, key, seen, spare=new <= NEW)
        lanes = row.lanes
        lanes[REQUESTS] += 1
        lanes[COUNT] += seen.count
        lanes[NS] += seen.ns
        lanes[LAST] = now
        if seen.fetch:
            lanes[FETCH] += seen.fetch
        if not seen.failed:  # what fails may never have got there
            least = lanes[LEAST]
            if seen.least < least or not least:
                lanes[LEAST] = max(seen.least, 1)
        if seen.rows or seen.failed:
            lanes[ROWS] += seen.rows
            lanes[FAILED] += seen.failed
        if seen.note.__class__ is Sighting:
            _sighted(record, known, row, seen, now)
        line = seen.line if row.noted or seen.line else _before_the_view(record.store, key)
        if line is not None:
            _asked(record, row, line, now)


def _before_the_view(store: Store, key: Any) -> str | None:
    """The line of what a middleware asks, met when nobody knew yet on which route."""
    return store.met.get(UNRESOLVED, {}).get(key)


def _know(record: Record) -> Known:
    store, kind = record.store, record.kind
    name = store.known_as(kind, record.name)
    known: Known | None = store.kept.get((kind, name))
    if known is None:
        room = SHARE.get(kind, 50) - store.count("statement", (kind, name))
        known = store.kept[kind, name] = Known(kind, name, room)
    if name != record.name and len(store.kept) < REMEMBERED:
        store.kept[kind, record.name] = known
    return known


def _row(record: Record, known: Known, key: Any, seen: Seen, *, spare: bool) -> Row:
    """Find or name the row of a text that is new here."""
    store, start = record.store, (known.kind, known.name, seen.alias[:LABEL])
    sql = fingerprint(seen.sql, vendor(seen.alias)) if spare else OTHER
    if not store.has("statement", (*start, sql)):
        sql = sql if known.room > 0 else OTHER
        known.room -= 1
    number, lanes = store.row("statement", (*start, sql))
    row = Row(seen.alias, number, lanes)
    if spare and len(key) <= WORTH:
        _remember(store.kept, known, key, row)
    return row


def _remember(kept: dict[Any, Any], known: Known, key: Any, row: Row) -> None:
    """Texts are without end where values are written into them: then all begin anew."""
    texts = kept["texts"] = kept.get("texts", 0) + 1
    if texts > REMEMBERED:
        for each in kept.values():
            if isinstance(each, Known):
                each.rows.clear()
        kept["texts"] = 1
    known.rows[key] = row


def _sighted(record: Record, known: Known, row: Row, seen: Seen, now: int) -> None:
    lanes = row.noted.get(seen.note)
    if lanes is None:
        lanes = row.note(seen.note, *_open(record, known, row, seen.note))
    lanes[0] += 1
    lanes[1] += seen.count
    lanes[2] += seen.ns + seen.fetch
    lanes[3] = now


def _open(record: Record, known: Known, row: Row, note: Sighting) -> tuple[int, memoryview]:
    relation = note.relation and note.relation[:LABEL]
    through = [line[:LABEL] for line in note.through[:4]]
    fields = (note.kind, relation, note.loop[:LABEL], through)
    unit = (known.kind, known.name)
    return record.store.row("sighting", (unit, row.alias[:LABEL], row.number, *fields))


def _asked(record: Record, row: Row, line: str, now: int) -> None:
    lanes = row.noted.get(line)
    if lanes is None:
        lanes = row.note(line, *record.store.row("line", (row.number, line[:LABEL])))
    lanes[0] += 1
    lanes[1] = now


def install() -> None:
    """It is noted, then folded, then drawn."""
    if fold in folding:
        return
    met.append(ask)
    repeated.append(look)
    folding.append(fold)
    weighed.append(_waterfall.keep)
    _working.install()
