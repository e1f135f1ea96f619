"""The record of a page that is asked again to be looked at: timed as any other, never stored.

``record.replaying`` is True on it, for whoever keeps pages or sends things: what is replayed must
be computed, and nothing may leave the process.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Final, cast

from ._record import SampledRecord, current

#: What stands for a store where nothing is stored: one that has been left, and sheds nothing.
NOWHERE: Final = SimpleNamespace(left=True, cost=SimpleNamespace(shedding=False), met={})


class Replayed(SampledRecord):
    """A request of a management command or a test; it belongs to no store."""

    __slots__ = ()
    replaying = True

    def __init__(self, name: str = "") -> None:
        super().__init__("request", name, cast(Any, NOWHERE))


def is_replayed() -> bool:
    """Whether a page is just asked again to be looked at."""
    record = current.get()
    return record is not None and record.replaying
