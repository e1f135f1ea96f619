"""History: what happened in each ten seconds, minute and ten minutes, in a SQLite file.

It belongs to the store, not to the site's database, is written by the one elected process, and is
bounded: an hour, a day, a month. A sample is the difference of two readings, so its quantiles are
those of its own span.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import time
import zlib
from array import array
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.core.cache import cache

from . import _layout as L
from ._buckets import TIME, VALUE, Scale, quantiles
from ._errors import StoreError, not_kept, say_once
from ._locks import in_sqlite
from ._read import Merged, Reader
from ._snapshot import SECOND, Lanes, described, reader, standing

#: span -> (seconds per sample, seconds kept)
SPANS: Final = {"hour": (10, 3600), "day": (60, 86400), "month": (600, 30 * 86400)}
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS sample "
    "(span TEXT, at REAL, total TEXT, data BLOB, PRIMARY KEY (span, at)) WITHOUT ROWID"
)
#: Also what a clock that went ahead has written: nothing happens after now.
_OVER: Final = "DELETE FROM sample WHERE span = ? AND (at < ? OR at > ?)"
_SHARED: Final = ("redis", "memcached", "db.databasecache")
PUBLISHED: Final = "unhurried:hosts"
LIVES: Final = 60  # seconds a host counts after its last word

Sample = dict[str, Any]


@dataclass(slots=True)
class Reading:
    """The cumulative numbers of one moment, to take the next one's difference to."""

    at: float
    store: int
    slots: frozenset[tuple[str, int]]
    merged: Merged
    routes: list[array[int]]
    histograms: list[array[int]]
    timers: list[array[int]]


class History:
    """The writer. Its first sample of each span only remembers where it began."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "history.sqlite"
        self.last: Sample | None = None  # of the last ten seconds, for sinks that push
        self._before: dict[str, Reading] = {}

    def sample(self, now: float) -> None:
        """Write whatever spans are due."""
        due = [
            span
            for span, (step, _) in SPANS.items()
            if span not in self._before or _is_over(now - self._before[span].at, step)
        ]
        source = reader()
        if not due or source is None:
            return
        merged = source.merged()
        reading = _take(source, merged, now)
        samples = {
            span: _difference(source, merged, before, reading)
            for span in due
            if (before := self._before.get(span)) and _comparable(before, reading)
        }
        self.last = samples.get("hour")
        self._before |= dict.fromkeys(due, reading)
        self._write([(span, now, *_pack(sample)) for span, sample in samples.items()], now)

    def _write(self, rows: list[tuple[str, float, str, bytes]], now: float) -> None:
        try:
            with in_sqlite, closing(_connect(self.path)) as database, database:
                database.execute(_SCHEMA)
                database.executemany("REPLACE INTO sample VALUES (?, ?, ?, ?)", rows)
                for span, (_, kept) in SPANS.items():
                    database.execute(_OVER, (span, now - kept, now))
        except sqlite3.Error as error:  # full, locked, damaged: charts are not worth more
            not_kept(f"{self.path} can't be written; if it is damaged, remove it", error)

    def publish(self, numbers: dict[str, Any]) -> None:
        """Tell the other hosts, where there is a cache they share."""
        if not shared_cache():
            return
        now, name = time.time(), socket.gethostname()
        try:
            hosts = _living(cache.get(PUBLISHED), now)
            hosts[name] = {"at": now, "workers": numbers["workers"]}
            cache.set(PUBLISHED, json.dumps(hosts), LIVES)
            cache.set(f"unhurried:host:{name}", json.dumps(numbers), LIVES)
        except Exception as error:  # boundary: a cache's client raises errors of its own
            say_once("This host is not shown to the others: %s", error)

    def close(self) -> None:
        self._before.clear()


def _take(source: Reader, merged: Merged, now: float) -> Reading:
    def fine(name: str, lane: int) -> list[array[int]]:
        group = L.GROUPS[name]
        return [source.fine(group, row, lane) for row in range(len(source.names.order[name]))]

    done = L.LANE["requests"]
    slots = frozenset((name, slot.inode) for name, slot in source.slots.items())
    rows = fine("route", done), fine("histogram", 0), fine("timer", 0)
    return Reading(now, source.names.id, slots, merged, *rows)


def _is_over(elapsed: float, step: float) -> bool:
    """Or the clock was set back: nothing would be written until it is as late again."""
    return elapsed >= step - 0.5 or elapsed < 0


def _comparable(before: Reading, after: Reading) -> bool:
    """Whether the numbers can only have grown: the same store, and no slot of it was removed."""
    same = before.store == after.store and before.slots <= after.slots
    return same and before.at < after.at


def _difference(source: Reader, merged: Merged, before: Reading, after: Reading) -> Sample:
    """One sample: what happened in between, by route under "kind<tab>name", and in total.

    {"seconds", "total": {…}, "routes": {key: {requests, errors, wall {p50, p95, p99, sum}, queries
    {p50, p95, sum}, where {part: s}}}, "counters", "gauges", "meters" as they stand at its end,
    "histograms", "timers" {name: {count, p50, p95, p99}} of the span}
    """
    routes, total_lanes, total_fine = {}, 0, 0
    for row, (kind, name) in enumerate(merged.routes):
        lanes = _minus(_lanes(after.merged, row), _lanes(before.merged, row))
        if not lanes[L.LANE["requests"]]:
            continue
        fine = _minus(after.routes[row], before.routes[row] if row < len(before.routes) else None)
        routes[f"{kind}\t{name}"] = _slim(lanes, fine)
        if kind == "request":
            total_lanes, total_fine = total_lanes + _number(lanes), total_fine + _number(fine)
    return {
        "seconds": after.at - before.at,
        "routes": routes,
        "total": _slim(_words(total_lanes, L.LANES), _words(total_fine, L.FINE_ROUTE)),
        "histograms": _own(source, "histogram", VALUE, before.histograms, after.histograms),
        "timers": _own(source, "timer", TIME, before.timers, after.timers),
        **standing(source, merged),
    }


def _lanes(merged: Merged, row: int) -> array[int] | None:
    return merged.lanes[row * L.LANES : (row + 1) * L.LANES] if row < len(merged.routes) else None


def _number(words: array[int]) -> int:
    return int.from_bytes(words.tobytes(), "little")


def _words(number: int, size: int) -> array[int]:
    return array("Q", number.to_bytes(size * L.WORD, "little"))


def _minus(after: array[int] | None, before: array[int] | None) -> array[int]:
    """Lane by lane; every lane only grows but those of which a difference has none.

    They are the two maxima and ``started``, which falls when the slot of a killed process is taken.
    What has fallen for all that is 0, and takes nothing from the lane beside it.
    """
    assert after is not None
    if before is None:
        return after[:]
    later, earlier = after[:], before[:]
    if len(later) == L.LANES:
        for lane in ("wall_max", "queries_max", "started"):
            later[L.LANE[lane]] = earlier[L.LANE[lane]] = 0
    a, b, tops = _number(later), _number(earlier), _tops(len(later))
    apart = (a | tops) - b  # a lane's topmost bit is lent to it, and gone where the lane has fallen
    if apart & tops == tops and not (a | b) & tops:
        return _words(apart ^ tops, len(later))
    return array("Q", (max(x - y, 0) for x, y in zip(later, earlier, strict=True)))


@lru_cache(8)
def _tops(size: int) -> int:
    """The topmost bit of each of so many lanes."""
    return _number(array("Q", [1 << 63]) * size)


def _slim(lanes: array[int], fine: array[int]) -> Sample:
    whole = described(Lanes(lanes), fine)
    kept = {"wall": ("p50", "p95", "p99", "sum"), "queries": ("p50", "p95", "sum")}
    return {
        **{key: whole[key] for key in ("requests", "errors", "where")},
        **{key: {name: whole[key][name] for name in names} for key, names in kept.items()},
    }


def _own(
    source: Reader,
    kind: str,
    scale: Scale,
    before: list[array[int]],
    after: list[array[int]],
) -> dict[str, dict[str, float]]:
    """Quantiles of the span for each histogram or timer that was updated in it."""
    unit = SECOND if scale is TIME else 1
    found = {}
    for row, (_, name) in enumerate(source.names.order[kind][: len(after)]):
        buckets = _minus(after[row], before[row] if row < len(before) else None)
        if count := sum(buckets):
            values = quantiles(buckets, scale, (0.5, 0.95, 0.99), float("inf"))
            named = zip(("p50", "p95", "p99"), (value / unit for value in values), strict=True)
            found[name] = {"count": count, **dict(named)}
    return found


def series(folder: Path, span: str) -> list[tuple[float, Sample]]:
    """The samples of a span, oldest first: (unix time of its end, sample). See ``_difference``."""
    return _select("data", _unpack, folder, span)


def totals(folder: Path, span: str) -> list[tuple[float, Sample]]:
    """The same, of each sample only ``seconds`` and ``total``: cheap on sites of many routes."""
    return _select("total", json.loads, folder, span)


def _select(
    column: str, decode: Callable[[Any], Sample], folder: Path, span: str
) -> list[tuple[float, Sample]]:
    path = folder / "history.sqlite"
    if not path.exists():
        return []
    now = time.time()
    query = f"SELECT at, {column} FROM sample WHERE span = ? AND at BETWEEN ? AND ? ORDER BY at"
    try:
        with closing(_connect(path)) as database:
            rows = database.execute(query, (span, now - SPANS[span][1], now))
            return [(at, decode(value)) for at, value in rows]
    except (sqlite3.Error, zlib.error, ValueError) as error:
        raise StoreError(f"{path} can't be read: {error}.", f"Remove {path}.") from error


def hosts(here: int) -> tuple[int, int]:
    """(hosts, workers) that measure this site, as far as the shared cache knows.

    ``here``: the workers of this host, which is all there is to know where no cache is shared.
    """
    if not shared_cache():
        return 1, here
    try:
        known = _living(cache.get(PUBLISHED), time.time())
    except Exception as error:  # boundary: a cache's client raises errors of its own
        say_once("Other hosts can't be seen: %s", error)
        return 1, here
    known[socket.gethostname()] = {"workers": here}
    return len(known), sum(host["workers"] for host in known.values())


def shared_cache() -> bool:
    """Whether the default cache is one that other hosts see."""
    kind = type(cache._connections[cache._alias])  # type: ignore[attr-defined]
    return any(name in f"{kind.__module__}.{kind.__qualname__}".lower() for name in _SHARED)


def _living(published: str | None, now: float) -> dict[str, Any]:
    known: dict[str, Any] = json.loads(published) if published else {}
    return {name: host for name, host in known.items() if now - host["at"] < LIVES}


def _connect(path: Path) -> sqlite3.Connection:
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC, 0o600))
    return sqlite3.connect(path, timeout=1.0)


def _pack(sample: Sample) -> tuple[str, bytes]:
    total = {key: sample[key] for key in ("seconds", "total")}
    data = zlib.compress(json.dumps(sample, separators=(",", ":")).encode(), 6)
    return json.dumps(total), data


def _unpack(data: bytes) -> Sample:
    sample: Sample = json.loads(zlib.decompress(data))
    return sample
