"""Finished units on their way into their rows: a ring of RING entries in the header of a slot.

Adding a unit to its row touches much code and memory, and after a page's own work the processor's
caches hold none of it. So a unit that ends writes one entry, and the sixteenth adds all of them. An
entry in the ring counts as much as one in its row: readers add what waits, and the next holder of
the slot of a process that died goes on where it stopped.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from . import _layout as L

if TYPE_CHECKING:
    from ._record import Record
    from ._rows import Route

Entry = tuple[int, ...]

MASK: Final = L.RING - 1
SIZE: Final = L.RING_ENTRY * L.WORD
START: Final = L.H_RING * L.WORD
_WORDS: Final = Struct("=12Q")
pack_into: Final = _WORDS.pack_into
_unpack_from: Final = _WORDS.unpack_from
#: What an entry holds, word by word. STATE is the status, and bits above it; TARGET is the row's
#: count with all entries of its own in the ring, written as the last thing before that count.
NUMBER, WALL, CPU, STATE, BYTES, QUERIES, CONNECTS, DB, CACHE, HTTP, TEMPLATE, TARGET = range(12)
STATUS: Final = (1 << 32) - 1
RAISED: Final = 1 << 32
BEGUN: Final = 1 << 33  # counted as started already
DONE: Final = L.LANE["requests"]


def entry(record: Record, number: int) -> Entry:
    """A finished record as an entry."""
    state = record.status | (RAISED if record.raised else 0) | (BEGUN if record.row else 0)
    return (
        *(number, record.wall, record.cpu, state, record.size, record.queries, record.connects),
        *(*record.parts[1:], 0),
    )


def waiting(words: memoryview) -> list[Entry]:
    """The entries that are not in their rows yet, oldest first."""
    folded, written = words[L.H_FOLDED], words[L.H_WRITTEN]
    if not 0 < written - folded <= L.RING:
        return []
    found = [_unpack_from(words, START + (i & MASK) * SIZE) for i in range(folded, written)]
    return [each for each in found if each[NUMBER] < L.ROWS and not _is_counted(words, each)]


def _is_counted(words: memoryview, each: Entry) -> bool:
    """Whether its process died, or is, between counting it and saying so."""
    return 0 < each[TARGET] == words[L.GROUPS["route"].start + each[NUMBER] * L.LANES + DONE]


def by_row(entries: list[Entry]) -> dict[int, list[Entry]]:
    found: dict[int, list[Entry]] = {}
    for each in entries:
        found.setdefault(each[NUMBER], []).append(each)
    return found


def fold(words: memoryview, row_of: dict[int, Route]) -> None:
    """Add all entries to their rows; each is counted once, whenever the process may die."""
    end = words[L.H_WRITTEN]
    try:
        targets = {}
        for number, entries in by_row(waiting(words)).items():
            row_of[number].add(entries)
            targets[number] = row_of[number].lanes[DONE] + len(entries)
        for i in range(words[L.H_FOLDED], end):
            at = L.H_RING + (i & MASK) * L.RING_ENTRY
            words[at + TARGET] = targets.get(words[at], 0)
        for number, target in targets.items():
            row_of[number].lanes[DONE] = target
    finally:  # an entry that can't be added must not stand in the way of all others
        words[L.H_FOLDED] = end
