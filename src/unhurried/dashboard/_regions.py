"""``?unhurried=regions``: the page itself, with what of it is cacheable drawn on it, for staff.

The page is made anew for this request and observed, whatever caches have of it. What comes of it is
one person's, so nobody stores it; everybody else gets the page as if nothing had been asked.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch
from django.utils.encoding import escape_uri_path
from django.utils.html import format_html, json_script
from django.utils.http import escape_leading_slashes
from django.utils.safestring import SafeString

from unhurried.cache.reading import (
    PICTURE,
    Recorder,
    as_dict,
    mark_for,
    marked,
    record,
    regions_of,
    verdict_of,
)
from unhurried.measure.reading import swallow

from . import _assets, _documents, _staff

ASKED: Final = f"{PICTURE}=regions"
#: On a response that has them drawn on it.
SHOWN: Final = "unhurried_regions"
#: With these a browser asks whether its page is still good: there is none that is.
_CONDITIONS: Final = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")
_POLICIES: Final = ("script-src-elem", "script-src", "default-src")  # the first there is, counts
_NONCE: Final = re.compile(r"'nonce-([^']+)'")


def pictured(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Around all of a site for one request that asks for a picture."""

    def answer(request: HttpRequest) -> Any:
        if not _wanted(request) or not _staff.looks(request):
            return get_response(request)
        _forget_conditions(request)
        with record() as recorder:
            response = get_response(request)
        return _shown(request, response, recorder)

    return answer


def apictured(
    get_response: Callable[[HttpRequest], Awaitable[Any]],
) -> Callable[[HttpRequest], Awaitable[Any]]:
    """As ``pictured``."""

    async def answer(request: HttpRequest) -> Any:
        if not _wanted(request) or not await _staff.alooks(request):
            return await get_response(request)
        _forget_conditions(request)
        with record() as recorder:
            response = await get_response(request)
        return _shown(request, response, recorder)

    return answer


def _wanted(request: HttpRequest) -> bool:
    query = str(request.META.get("QUERY_STRING", ""))
    return request.method == "GET" and ASKED in query.split("&")


def _forget_conditions(request: HttpRequest) -> None:
    for name in _CONDITIONS:
        request.META.pop(name, None)


def _shown(request: HttpRequest, response: Any, recorder: Recorder) -> HttpResponseBase:
    try:
        if recorder.request is not None and _documents.is_document(request, response):
            _draw(request, cast(HttpResponse, response), recorder)
    except Exception as error:  # boundary: what is drawn on a page never breaks it
        swallow("the regions", error)
    return cast(HttpResponseBase, response)


def _draw(request: HttpRequest, response: HttpResponse, recorder: Recorder) -> None:
    try:
        page = _documents.unpacked(response).decode(response.charset)
        script = _assets.url("regions.js")
    except (UnicodeDecodeError, NoReverseMatch):
        return  # no text; or unhurried.urls are not included, and nobody would send the script
    regions = regions_of(recorder.view, page)
    mark = mark_for(page)
    told = {
        "mark": mark,
        "regions": [as_dict(region, number) for number, region in enumerate(regions)],
        "verdict": verdict_of(recorder, response, regions).as_dict(),
        "view": _of_view(recorder),
        "back": _without(request),
    }
    added = json_script(told, "unhurried-regions-data") + _script(script, response)
    text = marked(page, regions, mark) + added
    _documents.replace(response, text.encode(response.charset, "xmlcharrefreplace"))
    setattr(response, SHOWN, True)


def _of_view(recorder: Recorder) -> dict[str, Any]:
    return {
        "reads": [[name, line] for name, line in recorder.view.reads.items()],
        "tables": sorted(recorder.view.tables),
    }


def _script(address: str, response: HttpResponse) -> SafeString:
    """With the page's own nonce, where its policy lets in nothing without one."""
    nonce = _nonce(response.get("Content-Security-Policy", ""))
    if nonce is None:
        return format_html('<script src="{}" defer></script>', address)
    return format_html('<script src="{}" nonce="{}" defer></script>', address, nonce)


def _nonce(policy: str) -> str | None:
    said: dict[str, str] = {}
    for directive in policy.split(";"):
        name, _, sources = directive.strip().partition(" ")
        said.setdefault(name.lower(), sources)  # browsers heed the first of a name
    sources = next((said[name] for name in _POLICIES if name in said), "")
    found = _NONCE.search(sources)
    return None if found is None else found[1]


def _without(request: HttpRequest) -> str:
    """The address of the page itself."""
    query = str(request.META.get("QUERY_STRING", "")).split("&")
    rest = "&".join(each for each in query if each != ASKED)
    # As get_full_path: // would lead to another host, and a ? of the path begin a query.
    path = escape_leading_slashes(escape_uri_path(request.path))
    return f"{path}?{rest}" if rest else path
