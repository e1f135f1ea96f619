"""An entry: ready bytes, until when they are good, and the tokens they were computed from.

On the wire: the mark, the length of the header, the header as JSON, the bodies one after the other.
Nothing of it can run: a forged entry is at worst a wrong page, never code.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

MARK: Final = b"unh1"
_LENGTH: Final = struct.Struct("<I")

#: home -> (world, {tag: token}).
Dependencies = dict[str, tuple[str, dict[str, int]]]


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

    def tags(self) -> Iterator[str]:
        for _, tokens in self.deps.values():
            yield from tokens

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
    start = len(MARK) + _LENGTH.size
    created, soft, hard, delta, deps, meta, lengths = json.loads(data[start : start + length])
    bodies, at = [], start + length
    for size in lengths:
        bodies.append(data[at : at + size])
        at += size
    if at != len(data):
        return None
    deps = {home: (str(world), dict(tokens)) for home, (world, tokens) in deps.items()}
    return Entry(created, soft, hard, delta, deps, dict(meta), tuple(bodies))
