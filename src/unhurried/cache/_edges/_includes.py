"""Includes for the cache in front: only where it has said that it fills them in, to be believed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .._audience._swap import held_by
from ._harmless import harmless
from ._neutral import neutral
from ._offer import withdraw
from ._sharing import settle

#: Where a request carries the includes that were written for its edge.
_WRITTEN: Final = "_unhurried_includes"
_INCLUDES: Final = {
    "esi": '<esi:include src="{}" onerror="continue"/>',
    "ssi": '<!--#include virtual="{}" -->',
}
#: They would speak for what is around the pieces, and a 304 keep somebody's pieces.
_OF_THE_FRAME: Final = ("ETag", "Last-Modified")
#: As W3C's "Edge Architecture Specification" (2001) has it.
_CONTENT: Final = {"esi": 'content="ESI/1.0"', "ssi": 'content="SSI/1.0"'}


def include(request: Any, way: str, address: str) -> str:
    """The include, which the edge will be told of."""
    text = _INCLUDES[way].format(address)
    held_by(request).setdefault(_WRITTEN, []).append(text)
    return text


def end(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Tell the edge of our includes, and take the meaning from any other."""
    way = withdraw(request)
    written = request.__dict__.pop(_WRITTEN, ())
    if not way:
        return response
    settle(response)
    if not written or response.streaming or response.has_header("Content-Encoding"):
        harmless(request, response)
        return response
    body = response.content  # type: ignore[attr-defined]
    kind = response.get("Content-Type", "")
    ours = {text.encode() for text in written}
    response.content = _neutral_but(body, ours, kind)  # type: ignore[attr-defined]
    del response["Content-Length"]  # of the frame; Django counts anew what has a body
    if body:
        response["Content-Length"] = str(len(response.content))  # type: ignore[attr-defined]
    before = response.get("Surrogate-Control", "")
    response["Surrogate-Control"] = f"{before}, {_CONTENT[way]}" if before else _CONTENT[way]
    for name in _OF_THE_FRAME:
        del response[name]
    return response


def _neutral_but(body: bytes, ours: Collection[bytes], kind: str) -> bytes:
    """All but ours made harmless: what somebody typed is text, unless it is what we wrote."""
    parts = [body]
    for text in ours:
        parts = [piece for part in parts for piece in _split(part, text)]
    return b"".join(part if part in ours else neutral(part, kind) for part in parts)


def _split(part: bytes, text: bytes) -> list[bytes]:
    if part == text:
        return [part]
    pieces = part.split(text)
    return [each for n, piece in enumerate(pieces) for each in ((text, piece) if n else (piece,))]
