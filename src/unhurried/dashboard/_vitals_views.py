"""Where browsers tell what a page took: anybody may, so nothing that is said is believed blindly.

The answer is 204 whatever was sent. Who it is that tells is not asked: no cookie is read, and
neither session, user nor database is opened.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import DisallowedHost
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from unhurried.conf import settings
from unhurried.measure.reading import VITALS, keep_vitals

from . import _vitals_limit, _vitals_route

VERSION: Final = 1
LONGEST: Final = 1024  # bytes
MOST: Final = {name: 10.0 if name == "cls" else 120_000.0 for name in VITALS}

Told = tuple[str, dict[str, float]]


@csrf_exempt
@login_not_required
def vitals(request: HttpRequest) -> HttpResponse:
    """One page view, as ``vitals.js`` tells it; what is wrong with it is told to nobody."""
    # The steps after the view look up who has a cookie. It is nobody's business here.
    request.META.pop("HTTP_COOKIE", None)
    if settings.VITALS and request.method == "POST" and _may(request):
        told = _read(request)
        if told is not None:
            keep_vitals(*told)
    return HttpResponse(status=204, headers={"Cache-Control": "no-store"})


for _alias in connections:  # ATOMIC_REQUESTS would connect for each
    transaction.non_atomic_requests(using=_alias)(vitals)


def _may(request: HttpRequest) -> bool:
    """Looked at in the order of what it costs; nothing is read yet."""
    meta = request.META
    if not _is_short(meta) or not _is_ours(request):
        return False
    return _vitals_limit.limit.admits(_vitals_limit.client_of(meta), time.monotonic())


def _is_short(meta: Mapping[str, Any]) -> bool:
    """By what it says of itself; without a length (ASGI, in chunks) it is seen on reading."""
    length = meta.get("CONTENT_LENGTH") or "0"
    return len(length) <= 4 and length.isdecimal() and int(length) <= LONGEST


def _is_ours(request: HttpRequest) -> bool:
    """Whether a page of this origin has sent it, as the browser says.

    Over plain HTTP browsers send no Fetch Metadata (https://www.w3.org/TR/fetch-metadata/).
    """
    site = request.META.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return bool(site == "same-origin")
    origin = request.META.get("HTTP_ORIGIN", "").partition("://")[2]
    try:
        return bool(origin) and origin.lower() == request.get_host().lower()
    except DisallowedHost:
        return False


def _read(request: HttpRequest) -> Told | None:
    try:
        body = request.read(LONGEST + 1)
    except OSError:  # the client has gone
        return None
    return parsed(body) if len(body) <= LONGEST else None


def parsed(body: bytes) -> Told | None:
    """(route, metrics) of a page view; None for what ``vitals.js`` never sends."""
    try:
        said = json.loads(body.decode())
    except (ValueError, RecursionError):
        return None
    if type(said) is not dict or type(said.get("v")) is not int or said["v"] != VERSION:
        return None
    told = {name: said[name] for name in VITALS if name in said}
    if not all(_is_in_range(name, value) for name, value in told.items()):
        return None
    signed = said.get("r")
    route = _vitals_route.read(signed) if type(signed) is str else None
    return None if route is None else (route, told)


def _is_in_range(name: str, value: Any) -> bool:
    """A number (true and NaN are none) from 0 to the most that is told."""
    return type(value) in (int, float) and 0 <= value <= MOST[name]
