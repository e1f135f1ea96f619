"""Reading a store from outside: any process, without asking the app.

Sums and counts of all slots are one long number each, added as such, or in C word by word; fine
buckets are added only for the rows whose counts have changed since the last reading.
"""

from __future__ import annotations

import mmap
import os
import threading
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from weakref import finalize

from . import _layout as L
from ._buckets import COUNT, TIME
from ._compiled import compiled
from ._errors import say_once
from ._locks import is_held, locked
from ._names import Names
from ._slot import chunks, is_ours, paths

ROUTE, COUNTER = L.GROUPS["route"], L.GROUPS["counter"]
#: A map, and where in it so many bytes of words begin.
Part = tuple[mmap.mmap, int, int]
_WALL_MAX, _QUERIES_MAX = L.LANE["wall_max"], L.LANE["queries_max"]
_SUMMED_FROM: Final = ROUTE.start * L.WORD
_SUMMED_TO: Final = (COUNTER.start + COUNTER.words) * L.WORD


class SlotView:
    """Somebody's slot, mapped for reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        # At exit the sampler's thread may be reading still: the descriptor ends with the process.
        finalize(self, os.close, self._fd).atexit = False
        self.inode = os.fstat(self._fd).st_ino
        self.map = mmap.mmap(self._fd, L.BASE_BYTES, prot=mmap.PROT_READ)
        self.words = memoryview(self.map).cast("Q")
        self.floats = memoryview(self.map).cast("d")
        self._chunks: dict[tuple[int, int], mmap.mmap] = {}
        self._seen = 0

    def alive(self) -> bool:
        """Whether a process holds it; to be asked inside ``locked``."""
        return is_held(self._fd)

    def column(self, group: L.Group, lane: int, rows: int | None = None) -> list[int]:
        """One lane of every row, or of the first few."""
        end = group.start + (group.words if rows is None else group.lanes * rows)
        return self.words[group.start + lane : end : group.lanes].tolist()

    def fine(self, group: L.Group, row: int) -> Part | None:
        """Where the row's fine buckets lie; None where this process never had the row."""
        number, place = divmod(row, L.CHUNK_ROWS)
        if self._seen != self.words[L.H_CHUNKS]:
            self._map_chunks()
        chunk = self._chunks.get((group.chunk, number))
        if chunk is None:
            return None
        used = self._used(row) if group is ROUTE else group.fine
        return chunk, place * group.fine * L.WORD, used * L.WORD

    def _used(self, row: int) -> int:
        """How many words of a route's buckets can hold anything, by the largest of what was seen.

        Those are written before what is written last, the count.
        """
        at = ROUTE.start + row * ROUTE.lanes
        slowest, most = self.words[at + _WALL_MAX], self.words[at + _QUERIES_MAX]
        return L.STRIDE * (max(TIME.index(slowest), COUNT.index(most)) + 1)

    def _map_chunks(self) -> None:
        room = os.fstat(self._fd).st_size
        for group, number, offset in chunks(self.words):
            if (group.chunk, number) in self._chunks or offset + group.chunk_bytes > room:
                continue
            self._chunks[group.chunk, number] = mmap.mmap(
                self._fd, group.chunk_bytes, prot=mmap.PROT_READ, offset=offset
            )
        self._seen = self.words[L.H_CHUNKS]


@dataclass(slots=True)
class Merged:
    """The numbers of all processes at one moment, by group and row."""

    routes: list[tuple[str, str]] = field(default_factory=list)
    lanes: array[int] = field(default_factory=lambda: array("Q"))
    counters: array[int] = field(default_factory=lambda: array("Q"))
    wall_max: list[int] = field(default_factory=list)
    queries_max: list[int] = field(default_factory=list)
    in_flight: list[int] = field(default_factory=list)
    workers: int = 0

    def lane(self, row: int, name: str) -> int:
        return self.lanes[row * L.LANES + L.LANE[name]]


class Reader:
    """Keeps the maps between readings; one per process and folder, safe for threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = Names(folder)
        self.slots: dict[str, SlotView] = {}
        self._fine: dict[tuple[str, int], tuple[tuple[int, ...], array[int]]] = {}
        self.fields: dict[str, list[Any]] = {group: [] for group in L.GROUPS}  # see _tables
        self.described: dict[int, tuple[Any, dict[str, Any]]] = {}  # by row, see _snapshot
        self._lock = threading.Lock()
        self.reading = threading.Lock()  # of ``fields``

    def refresh(self) -> None:
        """Take in new names and new slots, and let go of slots that were removed."""
        with self._lock:
            self.names.refresh()
            views = {path.name: self._view(path) for path in paths(self.folder)}
            self.slots = {name: view for name, view in views.items() if view is not None}

    def _view(self, path: Path) -> SlotView | None:
        try:
            found = path.stat()
            known = self.slots.get(path.name)
            if known is not None and known.inode == found.st_ino:
                return known
            slot = SlotView(path) if found.st_size >= L.BASE_BYTES else None
        except FileNotFoundError:  # removed just now
            return None
        if slot is None or is_ours(slot.words, self.names.id):
            return slot
        if slot.words[L.H_MAGIC]:  # 0: it is only just being made
            say_once("%s is no slot of this store and is left alone; remove it.", slot.path)
        return None

    def merged(self) -> Merged:
        """Add up every slot."""
        self.refresh()
        slots = list(self.slots.values())
        size = _SUMMED_TO - _SUMMED_FROM
        words = _added(((slot.map, _SUMMED_FROM, size) for slot in slots), size)
        with locked(self.folder):
            alive = [slot for slot in slots if slot.alive()]
        return Merged(
            routes=list(self.names.order["route"]),
            lanes=words[: ROUTE.words],
            counters=words[ROUTE.words :],
            wall_max=_largest(slots, "wall_max"),
            queries_max=_largest(slots, "queries_max"),
            in_flight=_under_way(alive),
            workers=len(alive),
        )

    def fine(self, group: L.Group, row: int, lane: int) -> array[int]:
        """A row's fine buckets over all slots; ``lane`` holds the count that tells of change."""
        at = group.start + row * group.lanes + lane
        slots = list(self.slots.values())
        seen = tuple(slot.words[at] for slot in slots)
        known = self._fine.get((group.name, row))
        if known is None or known[0] != seen:
            pairs = zip(slots, seen, strict=True)
            parts = (slot.fine(group, row) for slot, count in pairs if count)
            known = seen, _added(filter(None, parts), group.fine * L.WORD)
            self._fine[group.name, row] = known
        return known[1]


def _added(parts: Iterable[Part], size: int) -> array[int]:
    """The words of all parts, added one by one: as one long number each."""
    total = sum(int.from_bytes(m[start : start + n], "little") for m, start, n in parts)
    return array("Q", total.to_bytes(size, "little"))


if compiled is not None:
    _add = compiled.add

    def _added(parts: Iterable[Part], size: int) -> array[int]:
        total = array("Q", bytes(size))
        for part in parts:
            _add(total, *part)
        return total


def _largest(slots: list[SlotView], lane: str) -> list[int]:
    columns = [slot.column(ROUTE, L.LANE[lane]) for slot in slots]
    return [max(values) for values in zip(*columns, strict=True)] or [0] * L.ROWS


def _under_way(alive: list[SlotView]) -> list[int]:
    """Begun and not finished, in living processes: the dead have nothing under way."""
    begun = [0] * L.ROWS
    for slot in alive:
        pairs = zip(
            slot.column(ROUTE, L.LANE["started"]),
            slot.column(ROUTE, L.LANE["requests"]),
            strict=True,
        )
        begun = [n + max(a - b, 0) for n, (a, b) in zip(begun, pairs, strict=True)]
    return begun
