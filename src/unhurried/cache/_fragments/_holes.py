"""Holes: what a page that is kept is without, and where.

While a page is made, a piece that is not to be part of it leaves a mark in the text; once the text
is whole the marks are taken out again, and only their places are kept. A mark is made of a number
that nobody can know before, and is never sent to anybody: what a reader types is text.

A mark looks as HTML does, so whatever is done to the text around it (escaped, written into JSON) is
done to the mark, too. How it is found again says what is to be done to the piece.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from django.middleware.csrf import CSRF_SECRET_LENGTH
from django.utils.crypto import get_random_string
from django.utils.html import escape, escapejs
from django.utils.safestring import SafeString, mark_safe

from .._engine._around import spoken

#: As JSON keeps it: where, in bytes of the text without marks; in what form; what belongs there.
Hole = list[Any]
#: What belongs there: its kind, and what that kind needs to be made.
Piece = list[Any]
#: Before a piece that stands in another language or time zone than its page, and what these are.
IN: Final = "in"
#: Of these kinds something is rendered.
_RENDERED: Final = ("fragment", "phased")

#: As the filter ``json_script`` writes these.
_SCRIPT: Final = {ord(each): f"\\u{ord(each):04X}" for each in "<>&"}


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _in_script(text: str) -> str:
    return _in_json(text).translate(_SCRIPT)


#: What may have been done to a text on its way into the page. The first is nothing.
FORMS: Final[dict[str, Callable[[str], str]]] = {
    "": str,
    "html": escape,
    "json": _in_json,
    "script": _in_script,
    "js": escapejs,
}


@dataclass(slots=True)
class Holed:
    """A text without its pieces. ``mangled``: something has changed a mark on its way into it."""

    text: bytes
    holes: list[Hole]
    mangled: bool = False

    def pieces(self) -> list[Piece]:
        return [piece for _, _, *piece in self.holes]

    def reasons(self) -> list[str]:
        """Why it may not be kept, if so."""
        return ["a filter around a fragment has changed its place"] if self.mangled else []

    def filled(self, values: Sequence[str], charset: str = "utf-8") -> bytes:
        """The text with these in its holes, in their order."""
        parts: list[bytes] = []
        at = 0
        for (offset, form, *_), value in zip(self.holes, values, strict=True):
            parts += (self.text[at:offset], str(FORMS[form](value)).encode(charset))
            at = offset
        return b"".join((*parts, self.text[at:]))


@dataclass(eq=False)
class Collector:
    """Of one text while it is made: the pieces that it is without."""

    pieces: list[Piece] = field(default_factory=list)
    #: Why the text may not be kept, though it will be shown.
    refusals: list[str] = field(default_factory=list)
    #: Language and time zone that are in the key of what is made.
    spoken: tuple[str, str] = field(default_factory=spoken)
    #: Of a page: where it shows messages, see ``_message_regions``.
    told: Any = None

    @cached_property
    def nonce(self) -> str:
        return secrets.token_hex(16)

    @cached_property
    def _csrf(self) -> str:
        return get_random_string(CSRF_SECRET_LENGTH)

    def csrf(self) -> str:
        """What it is shown for a CSRF secret, see ``_automatic``."""
        return self._csrf

    def mark(self, piece: Piece) -> SafeString:
        """What stands in the text for it."""
        now = spoken() if piece[0] in _RENDERED else self.spoken
        self.pieces.append(piece if now == self.spoken else [IN, *now, *piece])
        return mark_safe(f'<u"{self.nonce}.{len(self.pieces) - 1}">')

    @cached_property
    def _marks(self) -> re.Pattern[bytes]:
        """In each form: a group of its own, with the number."""
        around = f'<u"{self.nonce}.', '">'
        forms = (tuple(map(str, map(change, around))) for change in FORMS.values())
        found = [f"{re.escape(before)}([0-9]+){re.escape(after)}" for before, after in forms]
        return re.compile("|".join(found).encode())

    def split(self, text: bytes) -> Holed:
        """The text without marks, and where they were."""
        if not self.pieces:
            return Holed(text, [])
        parts: list[bytes] = []
        holed, at, length, forms = Holed(b"", []), 0, 0, list(FORMS)
        for found in self._marks.finditer(text):
            parts.append(self._plain(text[at : found.start()], holed))
            length += len(parts[-1])
            group = found.lastindex or 1
            holed.holes.append([length, forms[group - 1], *self.pieces[int(found[group])]])
            at = found.end()
        parts.append(self._plain(text[at:], holed))
        holed.text = b"".join(parts)
        return holed

    def _plain(self, text: bytes, holed: Holed) -> bytes:
        """Should a filter have made something else of a mark, none of it is shown."""
        nonce = self.nonce[:16].encode()
        mark = rb'(?i)<?u?"?%s[0-9a-f.]*"?>?' % nonce
        plain = re.sub(mark, b"", text) if nonce in text.lower() else text
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
