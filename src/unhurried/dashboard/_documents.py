"""Whole HTML pages, and what is put into them for one person."""

from __future__ import annotations

import gzip
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from unhurried.cache.reading import withhold

#: What describes the page as it was, or lets somebody keep it.
STALE: Final = ("ETag", "Last-Modified", "Expires", "CDN-Cache-Control")
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
