"""What a repeat is and where it comes from, as production asks it: seldom, and only of repeats.

A statement is looked at when it has come back the third time, and once more to see whether the
same line asks for another instance. What was found holds for this process, by route and text: a
loop that is known costs no look at all, but in the first sampled unit of each ten seconds.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Final

from unhurried.measure.reading import Record, SampledRecord, Seen, asking

from .._find._finding import DUPLICATE, N_PLUS_ONE
from .._find._frames import Walk, innermost, of_a_library, walk
from .._find._groups import Read, public
from .._find._judge import asks_for_one, writes_rows
from .._find._plain import digest
from .._find._remedies import AGGREGATES
from .._sql._reads import is_read

KNOWN: Final = 4_096  # texts of all routes
LOOKS: Final = 4  # at one statement of one unit of work
EVERY: Final = 10_000_000_000  # nanoseconds between two looks at what is known


@dataclass(frozen=True, slots=True)
class Sighting:
    """A repeat: its kind, the relation that is read, the line that asks, the lines it is under."""

    kind: str
    relation: str | None
    loop: str
    through: tuple[str, ...] = ()


class Look:
    """A first look at a repeat: what the second one is compared with."""

    __slots__ = ("asked", "key", "looks", "relation", "row")

    def __init__(self, found: Walk, read: Read, asked: int, looks: int) -> None:
        named = read.relation
        self.key = found.key, found.inside
        self.relation = named.label if named else None
        self.row = read.row
        self.asked = asked
        self.looks = looks


#: What was found, and when to look again, on the clock of the records.
_known: dict[tuple[str, str, Any], tuple[Sighting | None, int]] = {}


def sight(record: Record, seen: Seen) -> Sighting | None:
    """What the repeat under way is; None while that is not clear, and where it is no fault."""
    text = seen.sql if type(seen.sql) in (str, bytes) else repr(seen.sql)
    key = record.name, seen.alias, text  # psycopg's objects have no hash
    known = _known.get(key)
    if known is not None and (not isinstance(record, SampledRecord) or record.last < known[1]):
        return known[0]
    frame = asking(sys._getframe(1))
    first, found = seen.note, walk(frame)
    if found.lookup is not None or not found.places:
        return _keep(key, record, None)
    look = Look(found, Read(found), digest(frame.f_locals.get("params")), 1)
    if not isinstance(first, Look) or first.key != look.key:
        look.looks += first.looks if isinstance(first, Look) else 0
        _look_again(seen, look)
        return None
    return _keep(key, record, _judged(found, first, look, str(seen.sql)))


def line() -> str | None:
    """The innermost line of the project's own that is under way; without one, a library's."""
    frame = asking(sys._getframe(1))
    place = innermost(frame)
    return place.label() if place is not None else of_a_library(frame)


def _look_again(seen: Seen, look: Look) -> None:
    """At the next one; where several lines ask the same in turn, ever more seldom."""
    seen.note = look
    if look.looks < LOOKS:
        seen.due = seen.count + 1 if look.looks == 1 else 2 * seen.count


def _judged(found: Walk, first: Look, second: Look, sql: str) -> Sighting | None:
    if second.relation is not None:
        kind = N_PLUS_ONE if first.row != second.row else DUPLICATE
    elif not is_read(sql):
        if not writes_rows(sql, found.verb):
            return None
        kind = N_PLUS_ONE
    elif second.row is not None and first.row != second.row:
        kind = N_PLUS_ONE
    elif first.asked == second.asked:
        kind = DUPLICATE
    elif asks_for_one(sql, public(found.method)):
        kind = N_PLUS_ONE
    else:
        return None
    lines = [place.label() for place in found.places]
    relation = None if public(found.method) in AGGREGATES else second.relation
    return Sighting(kind, relation, lines[0], tuple(lines[1:]))


def _keep(key: tuple[str, str, Any], record: Record, sighting: Sighting | None) -> Sighting | None:
    if len(_known) >= KNOWN:
        _known.clear()
    _known[key] = sighting, record.last + EVERY
    return sighting
