"""What ``with`` begins and ends on objects that threads and tasks share.

Blocks in generators end in another order than they were begun in: each end takes its own beginning.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TypeVar

V = TypeVar("V")
Begun = ContextVar[tuple[tuple[object, V], ...]]


def begin(begun: Begun[V], owner: object, value: V) -> None:
    begun.set((*begun.get(), (owner, value)))


def end(begun: Begun[V], owner: object, missing: V | None = None) -> V | None:
    """What its owner has begun last; ``missing`` if that was in another context, as a generator's
    may be.
    """
    blocks = begun.get()
    for at in range(len(blocks) - 1, -1, -1):
        if blocks[at][0] is owner:
            begun.set(blocks[:at] + blocks[at + 1 :])
            return blocks[at][1]
    return missing
