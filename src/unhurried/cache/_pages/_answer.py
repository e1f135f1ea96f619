"""An entry as a response: the body that fits, 304 where the reader has it, none for HEAD."""

from __future__ import annotations

from collections.abc import Iterable
from time import time
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from unhurried.conf import settings

from .._audience._risky import neutral
from .._edges import _sharing
from .._edges._offer import offered
from .._engine._entry import Entry
from .._fragments._holes import Hole, Holed
from .._fragments._second import is_included
from .._fragments._second import of_holes as second
from . import _headers
from ._conditional import unless_known
from ._key import forwarded
from ._told import TOLD, is_spoken_to, make_once, told
from ._variants import etag, index_of

#: In the ``meta`` of an entry: it was made while there were no messages.
QUIET: Final = "quiet"


def respond(request: HttpRequest, entry: Entry, index: int, status: str) -> HttpResponseBase:
    return dress(HttpResponse(headers=entry.meta["headers"]), request, entry, index, status)


def dress(
    response: HttpResponse, request: HttpRequest, entry: Entry, index: int, status: str
) -> HttpResponseBase:
    """Give a response the entry's body, and all that is said about it."""
    meta, body, headers = entry.meta, entry.bodies[index], response.headers
    if is_spoken_to(request, meta):
        return _speak(response, request, entry, status)
    if "holes" in meta:
        body = fill(request, response, Holed(body, meta["holes"]), meta["charset"])
    response.content = b"" if request.method == "HEAD" else body
    headers["Content-Length"] = str(len(body))
    headers["ETag"] = etag(body) if "holes" in meta else meta["etags"][index]
    headers["Age"] = str(max(0, int(time() - entry.created)))
    if meta["encodings"][index]:
        headers["Content-Encoding"] = meta["encodings"][index]
    else:
        headers.pop("Content-Encoding", None)
    _headers.add_status(response, status)
    return unless_known(request, response)


def _speak(
    response: HttpResponse, request: HttpRequest, entry: Entry, status: str
) -> HttpResponseBase:
    """With what this reader is to be told, which nobody is told again: see ``_told``."""
    meta, charset = entry.meta, entry.meta["charset"]
    holed = told(request, Holed(entry.bodies[0], meta.get("holes", [])), meta[TOLD], charset)
    body = fill(request, response, holed, charset) if holed.holes else holed.text
    response.content = b"" if request.method == "HEAD" else body
    make_once(response)
    response["Content-Length"] = str(len(body))
    response["Age"] = str(max(0, int(time() - entry.created)))
    _headers.add_status(response, status)
    return response


def fill(request: HttpRequest, response: HttpResponse, holed: Holed, charset: str = "") -> bytes:
    """The whole page, for this reader; the response is its, and says that it is for nobody else."""
    values = second(request, holed.holes)
    response.content = body = holed.filled(values, charset or response.charset)
    for name in _headers.OF_THE_FRAME:
        del response[name]
    if offered(request) != "esi" or not _for_all(request, holed.holes):  # that edge says it itself
        _headers.make_private(response)
    return body


def _for_all(request: HttpRequest, holes: Iterable[Hole]) -> bool:
    """Whether the edge is sent the same for all, as it fills in the pieces itself."""
    return all(is_included(request, hole) for hole in holes)


def share(request: HttpRequest, response: HttpResponseBase, entry: Entry, page: Any) -> None:
    """Let the edge keep it for as long as it is fresh, if it is the same for all.

    What the edge keeps is sent without any middleware, and without the decorators around the page,
    one of which may ask who it is.
    """
    match, options = request.resolver_match, page.options
    if is_spoken_to(request, entry.meta):
        return
    if settings.TENANT or neutral() or match is None or match.func is not page:
        return
    holes = entry.meta.get("holes", ())
    if "Cookie" not in options.vary_headers and _for_all(request, holes):
        _sharing.share(
            *(request, response, entry.tags(), entry.soft - time()),
            quiet=QUIET in entry.meta,
            believed=forwarded(),
        )


def fitting(request: HttpRequest, entry: Entry) -> int | None:
    """Which body this reader can read, if any."""
    return index_of(entry.meta, str(request.META.get("HTTP_ACCEPT_ENCODING", "")))


def fresh_for(entry: Entry, *, fresh: bool) -> float:
    """Seconds to go; below zero where it is old, whatever its ttl says."""
    left = entry.soft - time()
    return left if fresh else min(left, -1.0)
