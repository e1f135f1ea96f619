"""Includes for the cache in front: only where it has said that it fills them in, to be believed."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .._audience._swap import held_by
from ._neutral import neutral
from ._trust import capability

#: In the environ of a page that is made again with nobody waiting: for whom it is.
AS_FOR: Final = "unhurried.edge"
#: Where a request carries what its edge can do, while its response may still say so.
_OFFERED: Final = "_unhurried_edge"
#: And the includes that were written for it.
_WRITTEN: Final = "_unhurried_includes"
_INCLUDES: Final = {
    "esi": '<esi:include src="{}" onerror="continue"/>',
    "ssi": '<!--#include virtual="{}" -->',
}
#: As W3C's "Edge Architecture Specification" (2001) has it.
_CONTENT: Final = {"esi": 'content="ESI/1.0"', "ssi": 'content="SSI/1.0"'}


def begin(request: HttpRequest) -> str:
    """What the edge of this request can do: "esi", "ssi" or "". It reads plain text only."""
    meta = request.META
    if "HTTP_SURROGATE_CAPABILITY" not in meta and AS_FOR not in meta:
        return ""
    found = str(meta.get(AS_FOR) or capability(meta))
    if found:
        request.__dict__[_OFFERED] = found
        request.META.pop("HTTP_ACCEPT_ENCODING", None)
    return found


def offered(request: Any) -> str:
    """What was found at its beginning, until its response has begun."""
    return str(held_by(request).get(_OFFERED, "")) if hasattr(request, "META") else ""


def include(request: Any, way: str, address: str) -> str:
    """The include, which the edge will be told of."""
    text = _INCLUDES[way].format(address)
    held_by(request).setdefault(_WRITTEN, []).append(text)
    return text


def end(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Tell the edge of our includes, and take the meaning from any other."""
    way = request.__dict__.pop(_OFFERED, "")
    written = request.__dict__.pop(_WRITTEN, ())
    if not written or response.streaming or response.has_header("Content-Encoding"):
        return response
    body = response.content  # type: ignore[attr-defined]
    kind = response.get("Content-Type", "")
    marks = {text.encode(): n for n, text in enumerate(dict.fromkeys(written))}
    response.content = _neutral_but(body, marks, kind)  # type: ignore[attr-defined]
    if response.has_header("Content-Length"):
        response["Content-Length"] = str(len(response.content))  # type: ignore[attr-defined]
    before = response.get("Surrogate-Control", "")
    response["Surrogate-Control"] = f"{before}, {_CONTENT[way]}" if before else _CONTENT[way]
    return response


def _neutral_but(body: bytes, ours: Any, kind: str) -> bytes:
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
