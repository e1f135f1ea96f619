"""What is answered to those who wait, and to those who wait in vain."""

from __future__ import annotations

import hashlib
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import escape_leading_slashes

from ._job import RAISED
from ._works import Result, Seen

POLL: Final = 400  # milliseconds between two looks of the script
MOST_GUESSED: Final = 0.95
_FOLDER: Final = Path(__file__).resolve().parents[2] / "static" / "unhurried"


def of_result(result: Result) -> HttpResponse:
    """The page itself; Django's exceptions that are answers are raised, for the site's handlers."""
    if result.raises:
        raise RAISED[result.raises]
    return HttpResponse(result.body, status=result.status, headers=dict(result.headers))


def waiting(
    request: HttpRequest, template: str, seen: Seen, guess: float | None, refresh: int
) -> HttpResponse:
    """The page that waits: 202, for this reader now, and for no cache and no index.

    ``refresh``: seconds until a browser without JavaScript looks again.
    """
    context = {"state": "waiting", "refresh": refresh, "poll": POLL, **shown(seen, guess)}
    return _page(request, template, context, 202, max(refresh, 1))


def told(seen: Seen, guess: float | None) -> HttpResponse:
    """The same for the script, and for clients that would rather not wait."""
    found = {"state": seen.state, **shown(seen, guess)}
    return _plain(JsonResponse(found, status=202), pause(seen))


def ended() -> HttpResponse:
    """For the script: there is nothing to wait for any more; look at the page."""
    return _plain(HttpResponse(status=204), None)


def empty(seconds: int) -> HttpResponse:
    """For HEAD: the result is not there."""
    return _plain(HttpResponse(status=202), seconds)


def unavailable(seconds: int) -> HttpResponse:
    """For who can't be shown a page that waits."""
    response = HttpResponse(
        "This takes a while. Please ask again.\n", status=503, content_type="text/plain"
    )
    return _plain(response, seconds)


def failed(request: HttpRequest, template: str | None, seen: Seen) -> HttpResponse:
    """It could not be made: an incident's number, and nothing of what went wrong."""
    again = max(1, ceil(seen.expires_in))
    context = {"state": "failed", "incident": seen.incident, "again": again}
    if template is None:
        return _plain(JsonResponse(context, status=500), again)
    return _page(request, template, context, 500, again)


def too_many(request: HttpRequest, template: str | None, limit: int) -> HttpResponse:
    context = {"state": "many", "limit": limit}
    if template is None:
        return _plain(JsonResponse(context, status=429), 5)
    return _page(request, template, context, 429, 5)


def pause(seen: Seen) -> int:
    """Seconds until it is worth looking again."""
    return min(max(int(seen.age / 10), 1), 10)


def shown(seen: Seen, guess: float | None) -> dict[str, Any]:
    """How far it is: in percent, as far as somebody has said so, or can guess."""
    found: dict[str, Any] = {"message": seen.message, "done": seen.done, "total": seen.total}
    if seen.done is not None and seen.total:
        percent = int(round(100 * min(seen.done / seen.total, 1.0), 9))  # 29 of 100 are 29 %
        return {**found, "percent": percent, "estimate": False}
    if guess:
        share = min(seen.age / guess, MOST_GUESSED)
        return {**found, "percent": int(100 * share), "estimate": True}
    return {**found, "percent": None, "estimate": False}


def _page(
    request: HttpRequest, template: str, context: dict[str, Any], status: int, seconds: int
) -> HttpResponse:
    url = escape_leading_slashes(request.get_full_path())  # //there would lead to another host
    context = {"url": url, **_assets(), **context}
    body = render_to_string(template, context, request)
    response = _plain(HttpResponse(body, status=status), seconds)
    response["X-Robots-Tag"] = "noindex"
    return response


def _plain(response: HttpResponse, seconds: int | None) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    if seconds is not None:
        response["Retry-After"] = str(seconds)
    patch_vary_headers(response, ["Accept", "Cookie"])
    return response


def _assets() -> dict[str, str]:
    return {"script": _asset("hang_on.js"), "style": _asset("hang_on.css")}


def _asset(name: str) -> str:
    """From the package's own pages where they are, else from the site's static files."""
    try:
        return f"{reverse('unhurried:asset', args=[name])}?v={_version(name)}"
    except NoReverseMatch:
        return static(f"unhurried/{name}")


@cache
def _version(name: str) -> str:
    return hashlib.sha256((_FOLDER / name).read_bytes()).hexdigest()[:12]
