"""What production sees of queries: each unit's statements, added to the rows of its route.

It listens to two events of measuring: a statement that repeats itself, while the code that asks is
still on the stack, and a unit that has finished. Then its statements are written into the store,
under their fingerprints; the raw text is only the key by which the row is found again.
"""

from __future__ import annotations

from time import time
from typing import Any, Final

from unhurried.measure.reading import (
    OTHER,
    STATEMENT,
    Record,
    Seen,
    finished,
    folds,
    repeated,
    sampled,
)

from . import _sight, _waterfall
from ._fingerprint import fingerprint
from ._sight import Sighting
from ._vendor import vendor

REMEMBERED: Final = 8192  # raw texts of all routes
WORTH: Final = 8192  # characters of a text that is remembered
NEW: Final = 100  # texts unknown so far that one unit may add; the rest is (other)
LABEL: Final = 200  # characters of a line or a relation
NOTES: Final = (str, Sighting)  # another hook may have noted things of its own

REQUESTS, COUNT, NS, LEAST, FETCH, ROWS, FAILED, LAST = range(len(STATEMENT))


class Known:
    """The rows of one route's statements in this process's slot, by raw text."""

    __slots__ = ("kind", "name", "rows")

    def __init__(self, kind: str, name: str) -> None:
        self.kind, self.name = kind, name
        self.rows: dict[Any, Row] = {}


class Row:
    """A statement's row; ``noted`` holds the lanes of what was noted about it."""

    __slots__ = ("alias", "lanes", "noted", "number")

    def __init__(self, alias: str, number: int, lanes: memoryview) -> None:
        self.alias, self.number, self.lanes = alias, number, lanes
        self.noted: dict[str | Sighting, memoryview] = {}


def look(record: Record, seen: Seen) -> None:
    """Note what a repeat is, while the code that asks is on the stack."""
    seen.note = _sight.sight(record, seen) or seen.note


def ask(record: Record, seen: Seen) -> None:
    """Note the line that a statement of a sampled unit comes from, be it repeated or not."""
    seen.note = _sight.line(record)


@folds
def fold(record: Record) -> None:
    """Add a unit's statements to their rows."""
    kept = record.store.kept
    known = kept.get((record.kind, record.name)) or _know(record)
    rows, now, new = known.rows, int(time()), 0
    for key, seen in record.statements.items():
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
        if seen.note.__class__ in NOTES:
            _noted(record, known, row, seen, now)


def _know(record: Record) -> Known:
    name = record.store.known_as(record.kind, record.name)
    kind = record.kind
    known: Known = record.store.kept.setdefault((kind, name), Known(kind, name))
    if name == record.name:
        return known
    if len(record.store.kept) < REMEMBERED:
        record.store.kept[kind, record.name] = known
    return known


def _row(record: Record, known: Known, key: Any, seen: Seen, *, spare: bool) -> Row:
    """Find or name the row of a text that is new here."""
    store = record.store
    sql = fingerprint(seen.sql, vendor(seen.alias)) if spare else OTHER
    number, lanes = store.row("statement", (known.kind, known.name, seen.alias[:LABEL], sql))
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


def _noted(record: Record, known: Known, row: Row, seen: Seen, now: int) -> None:
    note = seen.note
    lanes = row.noted.get(note)
    if lanes is None:
        if len(row.noted) >= NEW:
            row.noted.clear()
        lanes = row.noted[note] = _open(record, known, row, note)
    if isinstance(note, Sighting):
        lanes[0] += 1
        lanes[1] += seen.count
        lanes[2] += seen.ns + seen.fetch
        lanes[3] = now
    else:
        lanes[0] += 1
        lanes[1] = now


def _open(record: Record, known: Known, row: Row, note: str | Sighting) -> memoryview:
    if not isinstance(note, Sighting):
        return record.store.row("line", (row.number, note[:LABEL]))[1]
    unit = (known.kind, known.name)
    relation = note.relation and note.relation[:LABEL]
    through = [line[:LABEL] for line in note.through[:4]]
    fields = (unit, row.alias[:LABEL], row.number, note.kind, relation, note.loop[:LABEL], through)
    return record.store.row("sighting", fields)[1]


def install() -> None:
    """It is noted, then folded, then drawn."""
    for hooks, hook in ((sampled, ask), (repeated, look)):
        if hook not in hooks:
            hooks.append(hook)
    for subscriber in (fold, _waterfall.keep):
        if subscriber not in finished:
            finished.append(subscriber)
