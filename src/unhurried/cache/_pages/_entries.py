"""What is kept of a response: its bodies, its headers, and how to ask for it again."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from .._fragments._holes import Holed
from . import _headers
from ._asking import asked
from ._variants import bodies_of, etag
from ._visit import Visit


def made(
    visit: Visit, response: HttpResponse, holed: Holed | None, around: Any, *, final: bool
) -> tuple[tuple[bytes, ...], Any]:
    """(bodies, meta); ``final``: with the headers of all middleware, so good to go before it.

    A page with holes has one body, which is nobody's yet.
    """
    options = visit.page.options
    kind, encoding = response.get("Content-Type", ""), response.get("Content-Encoding", "")
    plain = options.private or holed is not None
    bodies, encodings = bodies_of(response.content, kind, encoding, private=plain)
    _headers.prepare(response, options, variants=len(bodies))
    match = visit.request.resolver_match
    meta = {
        **around,
        "headers": _headers.kept(response),
        "charset": response.charset,
        "encodings": encodings,
        "etags": [etag(body) for body in bodies],
        "final": final,
        "name": visit.page.name,
        "route": match.route if match is not None else "",
        **asked(visit.request),
    }
    if holed is not None:
        meta["holes"] = holed.holes
    return bodies, meta
