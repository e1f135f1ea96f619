"""Whole HTML pages, and what is put into them for one person."""

from __future__ import annotations

import gzip
import re
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from unhurried.cache.reading import Solids, withhold

#: What describes the page as it was, or lets somebody keep it.
STALE: Final = ("ETag", "Last-Modified", "Expires", "CDN-Cache-Control")
_BODY: Final = re.compile(rb"</body(?=[\s/>])", re.IGNORECASE)
#: What a page ends with, and nothing else: there is no need to read it from its beginning.
_TAIL: Final = re.compile(
    rb"</body\s*+>(?:\s++|</html\s*+>|<!--(?:(?!--).)*+-->)*+\Z", re.IGNORECASE | re.DOTALL
)
FRAMES: Final = ("iframe", "frame", "embed", "object")


def is_document(request: HttpRequest, response: HttpResponseBase) -> bool:
    """A whole HTML page in a window: no fragment, frame, file, and none of the dashboard's."""
    return not (
        response.streaming
        or _has_no_page(response)
        or not response.get("Content-Type", "").startswith("text/html")
        or response.get("Content-Encoding", "gzip") != "gzip"
        or response.get("Content-Disposition", "").startswith("attachment")
        or request.method == "HEAD"
        or _is_fragment(request)
        or _is_dashboard(request)
    )


def _has_no_page(response: HttpResponseBase) -> bool:
    """None may have a body, or nobody is shown it."""
    return response.status_code in (204, 205) or 300 <= response.status_code < 400


def _is_fragment(request: HttpRequest) -> bool:
    headers = request.headers
    return (
        ("HX-Request" in headers and "HX-Boosted" not in headers)
        or "Turbo-Frame" in headers
        or "X-Requested-With" in headers
        or headers.get("Sec-Fetch-Dest") in FRAMES
    )


def _is_dashboard(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and "unhurried" in match.app_names


def unpacked(response: HttpResponse) -> bytes:
    """Its content as it is before compression."""
    content = response.content
    return gzip.decompress(content) if response.has_header("Content-Encoding") else content


def end_of_body(content: bytes) -> int:
    """Where ``</body>`` stands; -1 if it does so in a script, a comment or a value alone."""
    found = [each.start() for each in _BODY.finditer(content)]
    if found and _TAIL.match(content, found[-1]):
        return found[-1]
    solids = Solids(content.decode("latin-1")) if found else None  # a letter for each byte
    fitting = (at for at in reversed(found) if solids and solids.before(at) == at)
    return next(fitting, -1)


def replace(response: HttpResponse, content: bytes) -> None:
    """The page is this one's now, who alone has it: nobody stores it."""
    response.content = content
    del response["Content-Encoding"]
    for name in STALE:
        del response[name]
    withhold(response)
    response["Cache-Control"] = "private, no-store"
    if response.has_header("Content-Length"):
        response["Content-Length"] = str(len(response.content))
