"""Who is told that a request leaves something to others: who keeps its page would do it once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from unhurried.measure.reading import current

#: Called with what it is, in words, by whoever puts it off.
listeners: Final[list[Callable[[str], None]]] = []


def tell(what: str) -> None:
    for hear in tuple(listeners):  # others may begin and end meanwhile
        hear(what)


def is_replayed() -> bool:
    """Whether a page is asked again to be looked at: what no rollback takes back is left out."""
    return getattr(current.get(), "replaying", False)
