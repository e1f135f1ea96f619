"""After a fork a socket or a lock is the parent's: whoever has one leaves it and opens his own."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Leaving(Protocol):
    """Something that holds what only one process may use."""

    def after_fork(self) -> None: ...


_holders: WeakSet[Leaving] = WeakSet()


def leaves_after_fork(holder: Leaving) -> None:
    """Call ``holder.after_fork()`` in each child, as long as the holder lives."""
    _holders.add(holder)


def _after_fork() -> None:
    for holder in list(_holders):
        holder.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
