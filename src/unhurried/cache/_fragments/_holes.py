"""Holes: what a page that is kept is without, and where.

While a page is made, a piece that is not to be part of it leaves a mark in the text; once the text
is whole the marks are taken out again, and only their places are kept. A mark is made of a number
that nobody can know before, and is never sent to anybody: what a reader types is text.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.safestring import SafeString, mark_safe

#: As JSON keeps it: where, in bytes of the text without marks, and what belongs there.
Hole = list[Any]
#: What belongs there: its kind, and what that kind needs to be made.
Piece = list[Any]


@dataclass(slots=True)
class Holed:
    """A text without its pieces. ``mangled``: something has changed a mark on its way into it."""

    text: bytes
    holes: list[Hole]
    mangled: bool = False

    def reasons(self) -> list[str]:
        """Why it may not be kept, if so."""
        return ["a filter around a fragment has changed its place"] if self.mangled else []

    def filled(self, values: Sequence[bytes]) -> bytes:
        """The text with these in its holes, in their order."""
        parts: list[bytes] = []
        at = 0
        for (offset, *_), value in zip(self.holes, values, strict=True):
            parts += (self.text[at:offset], value)
            at = offset
        return b"".join((*parts, self.text[at:]))


@dataclass(slots=True, eq=False)
class Collector:
    """Of one text while it is made: the pieces that it is without."""

    nonce: str = field(default_factory=lambda: secrets.token_hex(16))
    pieces: list[Piece] = field(default_factory=list)
    #: Why the text may not be kept, though it will be shown.
    refusals: list[str] = field(default_factory=list)

    def mark(self, piece: Piece) -> SafeString:
        """What stands in the text for it. Letters and digits: no escaping changes them."""
        self.pieces.append(piece)
        return mark_safe(f"u{self.nonce}n{len(self.pieces) - 1}u")

    def split(self, text: bytes) -> Holed:
        """The text without marks, and where they were."""
        if not self.pieces:
            return Holed(text, [])
        parts: list[bytes] = []
        holed, at, length = Holed(b"", []), 0, 0
        for found in re.finditer(rb"(?i)u%sn(\d+)u" % self.nonce.encode(), text):
            parts.append(self._plain(text[at : found.start()], holed))
            length += len(parts[-1])
            holed.holes.append([length, *self.pieces[int(found[1])]])
            holed.mangled = holed.mangled or found[0] != found[0].lower()
            at = found.end()
        parts.append(self._plain(text[at:], holed))
        holed.text = b"".join(parts)
        return holed

    def _plain(self, text: bytes, holed: Holed) -> bytes:
        """Should a filter have cut a mark in two, none of it is shown."""
        plain = re.sub(rb"(?i)u?%s\w*" % self.nonce[:16].encode(), b"", text)
        holed.mangled = holed.mangled or len(plain) != len(text)
        return plain


class Opaque:
    """A text that goes where nobody would look for marks: the value of a function."""


OPAQUE: Final = Opaque()

#: Where pieces go: into a text that may have holes, into one that may not, or (None) to one reader.
collecting: ContextVar[Collector | Opaque | None] = ContextVar("unhurried_holes", default=None)


def collector() -> Collector | None:
    """That of the text which is being made here, if it may have holes."""
    found = collecting.get()
    return found if isinstance(found, Collector) else None


@contextmanager
def collected(into: Collector | Opaque | None) -> Iterator[None]:
    token = collecting.set(into)
    try:
        yield
    finally:
        collecting.reset(token)
