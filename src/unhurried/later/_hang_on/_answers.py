"""What those get who wait, and those who came for a result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

from . import _rows

RETRY: Final = 1  # seconds


def result(key: str) -> HttpResponse | None:
    """The result, as it was; None if it has gone meanwhile."""
    row = _rows.works().filter(key=key, state="done").first()
    if row is None:
        return None
    response = HttpResponse(bytes(row.body), status=row.status)
    del response["Content-Type"]
    for name, value in json.loads(row.headers):
        response[name] = value
    return response


def waiting(request: HttpRequest, row: Any, template: str) -> HttpResponse:
    context = {"state": "waiting", "done": row.done, "total": row.total, "message": row.message}
    return _page(request, template, 202, context)


def failed(request: HttpRequest, row: Any, template: str) -> HttpResponse:
    """With the number that stands in the log, and never with what went wrong."""
    context = {"state": "failed", "incident": row.incident}
    return _page(request, template, 500, context, retry=int(_rows.POISON))


def too_many(request: HttpRequest, template: str) -> HttpResponse:
    return _page(request, template, 429, {"state": "too many"}, retry=5)


def _page(
    request: HttpRequest, template: str, status: int, context: Mapping[str, Any], retry: int = RETRY
) -> HttpResponse:
    text = render_to_string(template, {**context, "retry": retry}, request)
    return _never_kept(HttpResponse(text, status=status), retry)


def status_of(row: Any) -> HttpResponse:
    """For the script of the waiting page."""
    said = {name: getattr(row, name) for name in ("state", "done", "total", "message")}
    return _never_kept(JsonResponse(said, status=202))


def plain(status: int, retry: int | None = RETRY) -> HttpResponse:
    return _never_kept(HttpResponse(status=status), retry)


def accepted(row: Any) -> HttpResponse:
    """RFC 7240: who prefers not to wait."""
    response = status_of(row)
    response["Preference-Applied"] = "respond-async"
    return response


def _never_kept(response: HttpResponse, retry: int | None = RETRY) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex"
    if retry is not None:
        response["Retry-After"] = str(retry)
    patch_vary_headers(response, ("Accept", "Cookie", "Prefer", "X-Unhurried-Poll"))
    return response
