"""What somebody typed is no instruction to an edge.

An edge that composes a page reads all of it: an include in a comment, or in a JSON document, would
be fetched by the edge with the reader's cookies (GoSecure, "Beyond XSS: Edge Side Include
Injection", 2018).
"""

from __future__ import annotations

import re
from typing import Final

#: Where Varnish (ESI) or nginx (SSI) would begin to read; they want small letters, others do not.
_BEGINS: Final = re.compile(rb"<(?=/?esi:|!--esi|!--#)", re.IGNORECASE)
_SCRIPT: Final = re.compile(rb"<(/?)(?:script|style)\b", re.IGNORECASE)
_AS_SCRIPT: Final = re.compile(r"json|javascript|ecmascript", re.IGNORECASE)
_ESCAPED, _ENTITY = rb"\u003c", b"&lt;"


def neutral(body: bytes, content_type: str) -> bytes:
    """The body with each ``<`` written out that an edge would take for its own.

    ``\\u003c`` in JSON, JavaScript and the scripts of HTML, ``&lt;`` in all else. The same
    object where there is none.
    """
    if not _may_begin(body) or _BEGINS.search(body) is None:
        return body
    if _AS_SCRIPT.search(content_type.partition(";")[0]):
        return _BEGINS.sub(lambda found: _ESCAPED, body)
    return b"".join(_pieces(body))


def _may_begin(body: bytes) -> bool:
    """Whether it is worth a look: plain searches are quicker than an expression for both cases."""
    small = body.lower()
    return b"esi:" in small or b"!--esi" in small or b"<!--#" in small


def _pieces(body: bytes) -> list[bytes]:
    """Forward, once: whether a script is open at each of the places."""
    pieces, done, inside = [], 0, False
    seen = _SCRIPT.finditer(body)
    tag = next(seen, None)
    for found in _BEGINS.finditer(body):
        while tag is not None and tag.start() < found.start():
            inside, tag = not tag[1], next(seen, None)
        pieces += [body[done : found.start()], _ESCAPED if inside else _ENTITY]
        done = found.end()
    return [*pieces, body[done:]]
