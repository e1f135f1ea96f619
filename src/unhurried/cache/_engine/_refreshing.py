"""Asking for an entry to be made anew in the background. Who does it is told by ``_refresh``."""

from __future__ import annotations

from collections.abc import Callable

from ._lookup import Lookup

#: Set by ``_refresh`` when the room is installed; it may not raise.
askers: list[Callable[[Lookup], None]] = []


def ask(lookup: Lookup) -> None:
    for asker in askers:
        asker(lookup)
