"""What works itself out once looks but once: whoever shows it later shows what was looked at then.

``{{ cart.total }}`` after ``{{ cart.count }}``, where the cart is lazy and made from the session.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from django.utils.functional import LazyObject

from ._piece import Piece

#: These tell of each look, or are the page's own.
_TELL: Final = frozenset("user request perms messages csrf_token csp_nonce block forloop".split())
_NAMES: Final = re.compile(r"(?<![\w.])([A-Za-z_]\w*)(?:\.(\w+))?")
_QUOTED: Final = re.compile(r"\"[^\"]*\"|'[^']*'")
_VALUES: Final = (bool, int, float, str, bytes, type(None))
Key = tuple[int, str]


class Memory:
    """Of one request: what was looked at through which object, and through which of its names."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[object, dict[str, str]]] = {}  # the object lives as long

    def compare(self, piece: Piece) -> None:
        """Add what was looked at when the same was shown before; note what was now."""
        own = dict(piece.reads)
        for key, thing in _shown(piece):
            if own:
                _, before = self._known.get(key, (None, {}))
                self._known[key] = thing, {**own, **before}
            if (known := self._known.get(key)) is not None:
                piece.reads = {**known[1], **piece.reads}


def _shown(piece: Piece) -> Iterator[tuple[Key, object]]:
    """What a tag names, as its context has it. Of what is lazy all names are one."""
    contents = getattr(getattr(piece.node, "token", None), "contents", "")
    for name, part in _NAMES.findall(_QUOTED.sub("", contents)):
        thing = None if name in _TELL else piece.context.get(name)
        kind = type(thing)
        if not issubclass(kind, _VALUES):
            yield (id(thing), "" if issubclass(kind, LazyObject) else part), thing
