"""A fragment as a piece: what is kept of it in the text around it."""

from __future__ import annotations

from typing import Final

from ._holes import Piece
from ._registry import named
from ._render import Call

#: By the edge, where it can; else by ourselves.
AUTO: Final = "auto"


def piece_of(call: Call, by: str) -> Piece:
    """``["fragment", name, arguments, by]``; ``by`` is how the page wants it filled in."""
    fragment = call.fragment
    return ["fragment", fragment.name, fragment.arguments.dumped(call.values), by]


def call_of(piece: Piece) -> Call:
    fragment = named(piece[1])
    return Call(fragment, fragment.arguments.loaded(piece[2]))
