"""What is kept in the cache, its ties and why it was not stored: the rows of all processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from . import _layout as L
from ._folding import drain_opened
from ._read import Reader
from ._snapshot import reader
from ._tables import fields_of, merged

SECOND: Final = 1e9
MICRO: Final = 1e6
COUNTED: Final = L.KEPT[: L.KEPT.index("saved")]
_STORED, _BYTES, _KIND = (L.KEPT.index(name) for name in ("stored", "bytes", "kind"))
#: What it has not depended on for so many seconds of storing, it does not any more.
OLD: Final = 86400


@dataclass(frozen=True, slots=True)
class Reason:
    """Why it was not stored, how often, and when last (seconds of unix time)."""

    text: str
    count: int
    last: int


@dataclass(frozen=True, slots=True)
class Change:
    """Who has changed something, how often, and when last (seconds of unix time)."""

    who: str
    count: int
    last: float


@dataclass(slots=True)
class KeptRow:
    """One cached thing. ``saved`` in seconds, ``stored`` in seconds of unix time, 0 for never."""

    name: str
    counts: dict[str, int]
    saved: float
    stored: float
    bytes: int
    kind: int
    ties: list[str] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)


def kept() -> list[KeptRow]:
    """Those that saved most time first; the ties in their order, the latest reason first.

    Raises StoreError where the store is not to be trusted.
    """
    drain_opened()
    source = reader()
    if source is None:
        return []
    source.refresh()
    found = {row: each for row, each in _things(source) if any(each.counts.values())}
    _add_ties(source, found)
    for row, text, count, last in _noted(source, "reason", L.REASON):
        if row in found:
            found[row].reasons.append(Reason(text, count, last))
    for each in found.values():
        each.reasons.sort(key=lambda reason: -reason.last)
    return sorted(found.values(), key=lambda each: (-each.saved, each.name))


def changes() -> dict[str, list[Change]]:
    """For each tag who has changed it, the last one first. Raises StoreError."""
    drain_opened()
    source, found = reader(), dict[str, list[Change]]()
    if source is None:
        return found
    source.refresh()
    for tag, who, count, last in _noted(source, "change", L.CHANGE):
        found.setdefault(tag, []).append(Change(who, count, last / MICRO))
    for each in found.values():
        each.sort(key=lambda change: -change.last)
    return found


def _things(source: Reader) -> Iterator[tuple[int, KeptRow]]:
    names, group = fields_of(source, "kept"), L.GROUPS["kept"]
    columns = merged(source, group, len(names), L.KEPT)
    latest = _latest(source, group, len(names))
    for row, (fields, *lanes) in enumerate(zip(names, *columns, strict=True)):
        counts = dict(zip(COUNTED, lanes, strict=False))
        saved = lanes[len(COUNTED)] / SECOND
        stored, size, kind = latest[row]
        name = fields[0] if fields else L.OTHER
        yield row, KeptRow(name, counts, saved, stored / MICRO, size, kind)


def _latest(source: Reader, group: L.Group, rows: int) -> list[tuple[int, int, int]]:
    """(stored, bytes, kind) of each row, as the process says that stored it last."""
    slots = [
        zip(*(slot.column(group, lane, rows) for lane in (_STORED, _BYTES, _KIND)), strict=True)
        for slot in list(source.slots.values())
    ]
    return [max(each) for each in zip(*slots, strict=True)] or [(0, 0, 0)] * rows


def _add_ties(source: Reader, found: dict[int, KeptRow]) -> None:
    """What it depended on when it was stored last, and a while before."""
    ties: dict[int, list[tuple[str, int]]] = {}
    for row, tag, _, last in _noted(source, "tie", L.TIE):
        ties.setdefault(row, []).append((tag, last))
    for row in ties.keys() & found.keys():
        newest = max(last for _, last in ties[row])
        found[row].ties = sorted(tag for tag, last in ties[row] if last >= newest - OLD)


def _noted(
    source: Reader, name: str, lanes: tuple[str, ...]
) -> Iterator[tuple[Any, str, int, int]]:
    """(what it is about: the row of a thing, or a tag; what was noted; count; last)."""
    names = fields_of(source, name)
    columns = merged(source, L.GROUPS[name], len(names), lanes)
    for fields, count, last in zip(names, *columns, strict=True):
        if fields and count:
            yield fields[0], fields[1], count, last
