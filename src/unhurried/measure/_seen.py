"""Where units of work were seen working: counted aside, written into the store once a second."""

from __future__ import annotations

from typing import Final

from ._frames import Where
from ._record import Record
from ._store import Store

NEW: Final = 50  # rows that are named in one second: each takes a lock that all processes share
SHARE: Final = 40  # lines of one route or unit; of all others only the part is known
WAITING: Final = 1000  # rows that may wait to be named
REMEMBERED: Final = 4000
LONGEST: Final = 200  # characters of a line or a package

Key = tuple[str, str, str, str, str]  # kind, name, part, line, package


class Samples:
    """Of one store; to be used by one thread at a time."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._waiting: dict[Key, list[int]] = {}
        self._rows: dict[Key, memoryview] = {}

    def count(self, record: Record, where: Where, ns: int) -> None:
        """One look that found the unit there, and the time it stands for."""
        part, line, package = where
        key = record.kind, record.name, part, line, package
        seen = self._waiting.get(key)
        if seen is None:
            if len(self._waiting) >= WAITING:
                key = record.kind, record.name, part, "", package
            seen = self._waiting.setdefault(key, [0, 0])
        seen[0] += 1
        seen[1] += ns

    def write(self, now: int) -> None:
        """Add what has been counted to its rows, ``now`` in seconds of unix time.

        To be called under the store's lock. Raises OSError or StoreError.
        """
        new = 0
        for key, (count, ns) in list(self._waiting.items()):
            lanes = self._rows.get(key)
            if lanes is None:
                new += 1
                if new > NEW:
                    continue
                lanes = self._open(key)
            lanes[0] += count
            lanes[1] += ns
            lanes[2] = now
            del self._waiting[key]

    def _open(self, key: Key) -> memoryview:
        store, (kind, name, part, line, package) = self.store, key
        unit = kind, store.known_as(kind, name)
        fields = (*unit, part, line[:LONGEST], package[:LONGEST])
        if line and not store.has("sample", fields) and store.count("sample", unit) >= SHARE:
            fields = (*unit, part, "", package[:LONGEST])
        if len(self._rows) >= REMEMBERED:
            self._rows.clear()  # names without end are (other), or lines that changed
        lanes = self._rows[key] = store.row("sample", fields)[1]
        return lanes
