"""Who is told that a request leaves something to others: who keeps its page would do it once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

#: Called with what it is, in words, by whoever puts it off.
listeners: Final[list[Callable[[str], None]]] = []


def tell(what: str) -> None:
    for hear in tuple(listeners):  # others may begin and end meanwhile
        hear(what)
