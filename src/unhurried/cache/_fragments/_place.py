"""What stands in a text for a piece: a mark, where the text is kept without it, or the piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._units._unit import unit_now
from ._holes import OPAQUE, Collector, Piece, collecting

#: Makes pieces for a reader, see ``_second``, which is above this.
makers: list[Callable[[Any, Sequence[Piece]], list[str]]] = []


def placed(request: Any, pieces: Sequence[Piece]) -> list[str]:
    """For each of them what stands in the text that is being made here."""
    into = collecting.get()
    if isinstance(into, Collector):
        return [into.mark(piece) for piece in pieces]
    return makers[0](request, pieces)


def personal(what: str) -> None:
    """A text is about to hold this. Nobody observes a function, so it must not keep it."""
    unit = unit_now()
    if collecting.get() is OPAQUE and unit is not None:
        unit.refuse(f"it holds {what}, which is not the same for all")
