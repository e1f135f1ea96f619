"""An entry: ready bytes, until when they are good, and the tokens they were computed from.

On the wire: the mark, the length of the header, the header as JSON, the bodies one after the other.
Nothing of it can run: a forged entry is at worst a wrong page, never code.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

MARK: Final = b"unh1"
_LENGTH: Final = struct.Struct("<I")

#: home -> (world, {tag: token}).
Dependencies = dict[str, tuple[str, dict[str, int]]]


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The header of an entry, read; shared by all that have the same: not to be changed."""

    times: tuple[float, float, float, float]
    deps: Dependencies
    meta: dict[str, Any]
    lengths: tuple[int, ...]
    tags: tuple[str, ...]


@dataclass(slots=True)
class Entry:
    """What is kept; times are Unix seconds, ``delta`` the seconds it took to compute."""

    created: float
    soft: float
    hard: float
    delta: float
    deps: Dependencies
    meta: dict[str, Any] = field(default_factory=dict)
    bodies: tuple[bytes, ...] = ()
    #: What was read of its header, the same object as long as the header is the same.
    head: Head | None = field(default=None, compare=False)

    def tags(self) -> tuple[str, ...]:
        return _tags(self.deps) if self.head is None else self.head.tags

    @property
    def size(self) -> int:
        return sum(map(len, self.bodies))


def encode(entry: Entry) -> bytes:
    header = json.dumps(
        [
            *(entry.created, entry.soft, entry.hard, entry.delta, entry.deps, entry.meta),
            [len(body) for body in entry.bodies],
        ],
        separators=(",", ":"),
    ).encode()
    return b"".join((MARK, _LENGTH.pack(len(header)), header, *entry.bodies))


def decode(data: bytes) -> Entry | None:
    """None for what is no entry of ours, or not whole."""
    try:
        return _decode(data)
    except (ValueError, TypeError, KeyError, AttributeError, struct.error):
        return None


def _decode(data: bytes) -> Entry | None:
    if data[: len(MARK)] != MARK:
        return None
    (length,) = _LENGTH.unpack_from(data, len(MARK))
    at = len(MARK) + _LENGTH.size
    head = _head(data[at : at + length])
    bodies, at = [], at + length
    for size in head.lengths:
        bodies.append(data[at : at + size])
        at += size
    if at != len(data):
        return None
    return Entry(*head.times, head.deps, head.meta, tuple(bodies), head)


@lru_cache(2048)
def _head(header: bytes) -> Head:
    created, soft, hard, delta, deps, meta, lengths = json.loads(header)
    deps = {home: (str(world), dict(tokens)) for home, (world, tokens) in deps.items()}
    times = float(created), float(soft), float(hard), float(delta)
    return Head(times, deps, dict(meta), tuple(map(int, lengths)), _tags(deps))


def _tags(deps: Dependencies) -> tuple[str, ...]:
    return tuple(tag for _, tokens in deps.values() for tag in tokens)
