"""Requests far beyond what their route takes: looked at while they last, their stacks kept.

A stack is lines and names of functions. Nothing is read of what these functions hold.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

from . import _files, _folder
from . import _layout as L
from ._buckets import TIME, quantiles
from ._errors import StoreError, not_kept, say_once
from ._frames import drawn
from ._locks import locked
from ._record import Record
from ._rows import DONE, WALL_MAX
from ._store import Store

FILE: Final = "slow.json"
FORMAT: Final = "unhurried slow 1"
LEAST: Final = 1_000_000_000  # nanoseconds: what takes less is slow nowhere
UNKNOWN: Final = 5_000_000_000  # the limit of a route of which little is known
ENOUGH: Final = 100  # requests of a route, before its p99 is one
TIMES: Final = 3  # the p99
ANEW: Final = 10_000_000_000  # nanoseconds that a limit holds
AT_ONCE: Final = 20  # requests under way that are looked at
LOOKS: Final = 200  # at one request
STACKS: Final = 5  # kept of one request
KEPT: Final = 20  # requests of a store, the latest; of one route
OF_A_ROUTE: Final = 5
ABANDONED: Final = 3600_000_000_000  # nanoseconds


@dataclass(slots=True)
class Look:
    """At one request, which is under way; stacks by their lines, innermost first."""

    record: Record
    looks: int = 0
    stacks: dict[tuple[str, ...], int] = field(default_factory=dict)


class Slow:
    """Of one store; to be used by one thread at a time."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._looks: dict[int, Look] = {}  # by the record's id, which the look keeps alive
        self._limits: dict[str, tuple[int, int]] = {}  # by route: when it was learned, nanoseconds

    def look(self, record: Record, frame: FrameType, now: int) -> None:
        """Keep the stack of a request that is late; ``now`` on the clock of the records."""
        late = now - record.start
        if late <= LEAST or record.kind != "request" or late <= self._limit(record.name, now):
            return
        look = self._looks.get(id(record))
        if look is None:
            if len(self._looks) >= AT_ONCE:
                return
            look = self._looks[id(record)] = Look(record)
        if look.looks < LOOKS:
            look.looks += 1
            for draw in drawn:
                stack = draw(frame)
                look.stacks[stack] = look.stacks.get(stack, 0) + 1

    def _limit(self, name: str, now: int) -> int:
        learned, limit = self._limits.get(name, (0, 0))
        if not limit or now - learned > ANEW:
            if len(self._limits) >= 4 * L.ROWS:
                self._limits.clear()
            limit = self._learn(name)
            self._limits[name] = now, limit
        return limit

    def _learn(self, name: str) -> int:
        route = self.store.requests.get(name)
        if route is None or route.lanes[DONE] < ENOUGH:
            return UNKNOWN
        first = L.FINE["wall"]
        buckets = route.fine[first : first + L.STRIDE * TIME.size : L.STRIDE].tolist()
        [p99] = quantiles(buckets, TIME, [0.99], route.lanes[WALL_MAX])
        return max(LEAST, int(TIMES * p99))

    def over(self, now: int) -> list[dict[str, Any]]:
        """What is to be told of those that have ended; to be called under the store's lock."""
        keys = [key for key, look in self._looks.items() if _is_over(look.record, now)]
        looks = [self._looks.pop(key) for key in keys]
        return [self._told(look) for look in looks if look.record.wall and look.stacks]

    def _told(self, look: Look) -> dict[str, Any]:
        record = look.record
        dearest = sorted(look.stacks.items(), key=lambda item: -item[1])[:STACKS]
        return {
            "route": self.store.known_as(record.kind, record.name),
            "at": time.time(),
            "seconds": record.wall / 1e9,
            "looks": look.looks,
            "stacks": [{"count": count, "frames": list(frames)} for frames, count in dearest],
        }


def _is_over(record: Record, now: int) -> bool:
    return record.wall > 0 or now - record.start > ABANDONED


def keep(store: Store, told: list[dict[str, Any]]) -> None:
    """Write them down beside the latest that are known; what the world refuses is said once."""
    try:
        with locked(store.folder):
            path = store.folder / FILE
            document = {"format": FORMAT, "requests": _latest(told + _load(path))}
            _files.write(path, document, store.slot.path.name)
    except (OSError, StoreError) as error:
        not_kept("No slow request is kept", error)


def _latest(known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for each in sorted(known, key=lambda each: -each["at"]):
        if sum(other["route"] == each["route"] for other in kept) < OF_A_ROUTE:
            kept.append(each)
    return kept[:KEPT]


def slow_requests() -> list[dict[str, Any]]:
    """The latest requests that took far longer than their route does, the latest first.

    Each has ``route``, ``at`` (unix time of its end), ``seconds``, ``looks``, and ``stacks``, those
    seen most often first: ``count`` of looks, ``frames`` as ``file:line name``, innermost first.
    Empty where there are none, or where the file is not one of ours: that is said once.
    """
    return _load(_folder.versioned(_folder.folder()) / FILE)


def _load(path: Path) -> list[dict[str, Any]]:
    try:
        found = _files.read(path)
        if found is None:
            return []
        if found["format"] != FORMAT:
            raise ValueError("its format is not ours")
        return [_taken(each) for each in found["requests"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        say_once("%s can't be read: %s. Remove it.", path, type(error).__name__)
        return []


def _taken(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "route": str(found["route"]),
        "at": float(found["at"]),
        "seconds": float(found["seconds"]),
        "looks": int(found["looks"]),
        "stacks": [
            {"count": int(each["count"]), "frames": [str(line) for line in each["frames"]]}
            for each in found["stacks"]
        ],
    }
