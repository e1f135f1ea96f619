"""Reading a store from outside: any process, without asking the app.

Sums and counts of all slots are one long number each, added as such; fine buckets are added only
for the rows whose counts have changed since the last reading.
"""

from __future__ import annotations

import mmap
import os
import threading
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from weakref import finalize

from . import _layout as L
from ._errors import say_once
from ._locks import is_held, locked
from ._names import Names
from ._ring import BEGUN, NUMBER, QUERIES, STATE, WALL, Entry, waiting
from ._rows import Route
from ._slot import chunks, is_ours, paths

ROUTE, COUNTER = L.GROUPS["route"], L.GROUPS["counter"]
_SUMMED_FROM: Final = ROUTE.start * L.WORD
_SUMMED_TO: Final = (COUNTER.start + COUNTER.words) * L.WORD
PATIENCE: Final = 10  # readings of a slot whose process is just adding units to their rows


class SlotView:
    """Somebody's slot, mapped for reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        finalize(self, os.close, self._fd)
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

    def fine(self, group: L.Group, row: int) -> int:
        """The row's fine buckets as one number; 0 where this process never had the row."""
        number, place = divmod(row, L.CHUNK_ROWS)
        if self._seen != self.words[L.H_CHUNKS]:
            self._map_chunks()
        chunk = self._chunks.get((group.chunk, number))
        if chunk is None:
            return 0
        size = group.fine * L.WORD
        return int.from_bytes(chunk[place * size : (place + 1) * size], "little")

    def summed(self) -> tuple[int, list[Entry]]:
        """What is added up, as one number, and the entries that wait for being added."""
        for _ in range(PATIENCE):
            folded = self.words[L.H_FOLDED]
            number = int.from_bytes(self.map[_SUMMED_FROM:_SUMMED_TO], "little")
            entries = waiting(self.words)
            if self.words[L.H_FOLDED] == folded:  # none was taken to its row in the middle
                break
        return number, entries

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
        self._waiting: dict[tuple[str, int], list[Entry]] = {}  # by slot and row, in their rings
        self._lock = threading.Lock()

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
        total, self._waiting = 0, {}
        for slot in slots:
            number, entries = slot.summed()
            total += number
            for entry in entries:
                self._waiting.setdefault((slot.path.name, entry[NUMBER]), []).append(entry)
        words = array("Q", total.to_bytes(_SUMMED_TO - _SUMMED_FROM, "little"))
        self._take_waiting(memoryview(words))
        with locked(self.folder):
            alive = [slot for slot in slots if slot.alive()]
        return Merged(
            routes=list(self.names.order["route"]),
            lanes=words[: ROUTE.words],
            counters=words[ROUTE.words :],
            wall_max=self._largest(slots, "wall_max", WALL),
            queries_max=self._largest(slots, "queries_max", QUERIES),
            in_flight=self._under_way(alive),
            workers=len(alive),
        )

    def _take_waiting(self, words: memoryview) -> None:
        """Add what has finished and waits in a ring, as its process will."""
        fine = memoryview(array("Q", bytes(ROUTE.fine * L.WORD)))  # not asked for here
        for (_, row), entries in self._waiting.items():
            route = Route(row, words[row * L.LANES : (row + 1) * L.LANES], fine)
            route.add(entries)
            route.lanes[L.LANE["requests"]] += len(entries)

    def _largest(self, slots: list[SlotView], lane: str, word: int) -> list[int]:
        columns = [slot.column(ROUTE, L.LANE[lane]) for slot in slots]
        largest = [max(values) for values in zip(*columns, strict=True)] or [0] * L.ROWS
        for (_, row), entries in self._waiting.items():
            largest[row] = max(largest[row], *(entry[word] for entry in entries))
        return largest

    def _under_way(self, alive: list[SlotView]) -> list[int]:
        """Begun and not finished, in living processes: the dead have nothing under way."""
        begun = [0] * L.ROWS
        for slot in alive:
            done = slot.column(ROUTE, L.LANE["requests"])
            for (name, row), entries in self._waiting.items():
                if name == slot.path.name:
                    done[row] += sum(1 for entry in entries if entry[STATE] & BEGUN)
            pairs = zip(slot.column(ROUTE, L.LANE["started"]), done, strict=True)
            begun = [n + max(a - b, 0) for n, (a, b) in zip(begun, pairs, strict=True)]
        return begun

    def fine(self, group: L.Group, row: int, lane: int) -> array[int]:
        """A row's fine buckets over all slots; ``lane`` holds the count that tells of change."""
        at = group.start + row * group.lanes + lane
        slots = list(self.slots.values())
        counts = tuple(slot.words[at] for slot in slots)
        waits = self._waits(slots, row) if group is ROUTE else []
        seen = (*counts, len(waits))
        known = self._fine.get((group.name, row))
        if known is None or known[0] != seen:
            pairs = zip(slots, counts, strict=True)
            total = sum(slot.fine(group, row) for slot, count in pairs if count)
            found = array("Q", total.to_bytes(group.fine * L.WORD, "little"))
            if waits:
                lanes = array("Q", bytes(L.LANES * L.WORD))
                route = Route(row, memoryview(lanes), memoryview(found))
                route.add(waits)
            known = self._fine[group.name, row] = seen, found
        return known[1]

    def _waits(self, slots: list[SlotView], row: int) -> list[Entry]:
        """What waited for this row in the last reading."""
        found: list[Entry] = []
        for slot in slots:
            found += self._waiting.get((slot.path.name, row), ())
        return found
