"""304 where the reader has the page already, said where nobody can change the page any more.

A middleware that nobody vouches for may put a banner into it (who is impersonated, a toolbar). So
where there is one, the page goes out whole, and it is our middleware that looks, around them all.
"""

from __future__ import annotations

from gzip import decompress
from typing import Any, Final

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import parse_http_date_safe

from .._audience._risky import neutral
from .._audience._swap import held_by
from .._audience._watch import silence

OURS: Final = "unhurried.middleware.UnhurriedMiddleware"
CONDITIONS: Final = (
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_MATCH",
    "HTTP_IF_UNMODIFIED_SINCE",
)
#: What RFC 9110 does not ask of a 304, but whoever looks for the cache does.
ALSO: Final = ("Age", "Cache-Status", "Content-Language")
#: Where a request carries the body and the ETag that it was answered with.
_ANSWERED: Final = "_unhurried_answered"


def unless_known(request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
    """The response or a 304; where that can't be told yet, the response without its ETag."""
    unknown = neutral()
    if not unknown:
        return _compared(request, response)
    tag = response["ETag"]
    del response["ETag"]  # somebody else within might go by it
    if _is_around(unknown):
        held = held_by(getattr(request, "_request", request))
        held[_ANSWERED] = response.content, response.get("Content-Encoding", ""), tag
    return response


def at_the_end(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The same once all middleware has seen it: it has its ETag again if it is the same page."""
    answered = held_by(request).pop(_ANSWERED, None)
    if answered is None or not isinstance(response, HttpResponse) or response.status_code != 200:
        return response
    body, encoding, tag = answered
    zipped = response.get("Content-Encoding", "") != encoding
    if _body(response, zipped=zipped) != body:
        return response
    response["ETag"] = f"W/{tag}" if zipped else tag
    return _compared(request, response)


def _is_around(unknown: tuple[str, ...]) -> bool:
    """Whether our middleware is around all of these, which are in their order."""
    middleware = [*django_settings.MIDDLEWARE]
    return OURS in middleware and middleware.index(OURS) < middleware.index(unknown[0])


def _body(response: HttpResponse, *, zipped: bool) -> bytes | None:
    """Before Django's GZipMiddleware has zipped it; None if it was somebody else."""
    if not zipped:
        return response.content
    return decompress(response.content) if response.get("Content-Encoding") == "gzip" else None


def _compared(request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
    with silence():  # a page around this one does not depend on it
        conditional = any(name in request.META for name in CONDITIONS)
    if not conditional:
        return response
    modified: Any = response.get("Last-Modified")
    since = modified and parse_http_date_safe(modified)
    found = get_conditional_response(request, response["ETag"], since, response)
    assert found is not None  # as a response was given
    if found is not response:
        for name in ALSO:
            if name in response.headers:
                found.headers[name] = response.headers[name]
    return found
