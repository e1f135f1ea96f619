"""Moments: all that only grows, as it stands now; two of them say what happened in between.

The elected process keeps one of each minute for an hour, so that a verdict can be one of the last
ten minutes, asked for after they have passed.
"""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from array import array
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import _host
from . import _layout as L
from ._errors import StoreError
from ._locks import in_sqlite
from ._read import Reader, SlotView

#: Groups of which the sums of all processes are compared, row by row.
GROUPS: Final = ("route", "statement", "sighting", "sample", "vital", "process")
KEPT: Final = 3600.0  # seconds
_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS moment (at REAL PRIMARY KEY, data BLOB)"

Clients = dict[int, list[int]]


@dataclass(slots=True)
class Moment:
    """The numbers of all processes; ``clients`` by hash, their lanes but the hash itself."""

    at: float  # unix time
    store: int
    slots: frozenset[tuple[str, int]]
    words: dict[str, array[int]]
    clients: Clients
    host: _host.Host

    def precedes(self, later: Moment) -> bool:
        """Whether the later one's numbers can only have grown: of one store, no slot removed."""
        return self.store == later.store and self.slots <= later.slots


def take(source: Reader, now: float) -> Moment:
    source.refresh()
    slots = list(source.slots.values())
    return Moment(
        now,
        source.names.id,
        frozenset((name, slot.inode) for name, slot in source.slots.items()),
        {name: _summed(slots, L.GROUPS[name]) for name in GROUPS},
        _clients(slots),
        _host.totals(),
    )


def now(source: Reader) -> Moment:
    return take(source, time.time())


def _summed(slots: Iterable[SlotView], group: L.Group) -> array[int]:
    start, end = group.start * L.WORD, (group.start + group.words) * L.WORD
    total = sum(int.from_bytes(slot.map[start:end], "little") for slot in slots)
    return array("Q", total.to_bytes(end - start, "little"))


def _clients(slots: Iterable[SlotView]) -> Clients:
    """Summaries of the same kind add up (Agarwal et al., Mergeable Summaries, 2012)."""
    found: Clients = {}
    group = L.GROUPS["client"]
    for slot in slots:
        words = slot.words[group.start : group.start + group.words].tolist()
        for at in range(0, group.words, group.lanes):
            client, *lanes = words[at : at + group.lanes]
            if client:
                known = found.setdefault(client, [0] * len(lanes))
                last = max(known[-1], lanes[-1])
                found[client] = [a + b for a, b in zip(known[:-1], lanes[:-1], strict=True)]
                found[client].append(last)
    return found


def save(path: Path, moment: Moment) -> None:
    """Keep it in the history's file, for an hour. Raises ``sqlite3.Error``."""
    with in_sqlite, closing(sqlite3.connect(path, timeout=1.0)) as database, database:
        database.execute(_SCHEMA)
        database.execute("REPLACE INTO moment VALUES (?, ?)", (moment.at, pack(moment)))
        database.execute("DELETE FROM moment WHERE at < ?", (moment.at - KEPT - 90,))


def latest_before(path: Path, at: float, now: Moment) -> Moment | None:
    """The latest that is no later than ``at``, else the oldest; None where none compares.

    Raises ``StoreError`` where the file can't be read.
    """
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(path, timeout=1.0)) as database:
            return _first(database, at, now)
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise damaged(path, error) from error
    except (sqlite3.Error, zlib.error, ValueError, KeyError, TypeError) as error:
        raise damaged(path, error) from error


def _first(database: sqlite3.Connection, at: float, now: Moment) -> Moment | None:
    """Most often the first that is read, of the sixty there are.

    One of the future was kept before the clock was set back: nobody knows how long ago that is.
    """
    query = "SELECT at FROM moment WHERE at <= ? ORDER BY at"
    kept = [when for (when,) in database.execute(query, (now.at,))]
    for when in [*(t for t in reversed(kept) if t <= at), *(t for t in kept if t > at)]:
        row = database.execute("SELECT data FROM moment WHERE at = ?", (when,)).fetchone()
        moment = unpack(when, row[0]) if row else None  # it may just have been forgotten
        if moment is not None and moment.precedes(now):
            return moment
    return None


def damaged(path: Path, error: Exception) -> StoreError:
    return StoreError(f"{path} can't be read: {error}.", f"Remove {path}.")


def pack(moment: Moment) -> bytes:
    head = {
        "store": moment.store,
        "slots": sorted(moment.slots),
        "clients": list(moment.clients.items()),
        "host": moment.host,
    }
    words = b"".join(moment.words[name].tobytes() for name in GROUPS)
    return zlib.compress(json.dumps(head).encode() + b"\n" + words, 1)


def unpack(at: float, data: bytes) -> Moment:
    head, _, body = zlib.decompress(data).partition(b"\n")
    found, words, start = json.loads(head), {}, 0
    for name in GROUPS:
        end = start + L.GROUPS[name].words * L.WORD
        words[name] = array("Q", body[start:end])
        start = end
    slots = frozenset((name, inode) for name, inode in found["slots"])
    clients: Clients = dict(found["clients"])
    return Moment(at, found["store"], slots, words, clients, found["host"])
