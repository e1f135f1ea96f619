"""Sink ``prometheus``: the whole host in Prometheus' text format, from one reading of the store.

Any worker answers for all: nothing is gathered from the others, and a scrape reads sums and the
16 coarse buckets alone. Histograms and timers of the site's own are summaries without quantiles,
for which a scrape would have to read every fine bucket; the dashboard has them.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .._errors import StoreError
from .._read import Merged, Reader
from .._snapshot import reader
from . import _families
from ._exposition import Exposition
from ._options import TOKEN, option, read, where

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
FORBIDDEN: Final = (
    "These are the site's measurements. Send the header 'Authorization: Bearer TOKEN' with the "
    f"token in {where('prometheus', 'token')}, or log in as somebody who may see the dashboard.\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    token: str | None = option(
        None,
        "What a scraper sends as 'Authorization: Bearer …'; without one only people who may see "
        "the dashboard are served.",
        **TOKEN,
    )


def install(options: Options) -> Callable[[], None]:
    """Nothing is subscribed: a scrape reads the store."""
    return lambda: None


def render(source: Reader | None) -> bytes:
    """Everything measured on this host, as text exposition 0.0.4.

    Raises StoreError, or OSError, where the store can't be read.
    """
    page = Exposition()
    merged = source.merged() if source else Merged()
    _families.workers(page, merged)
    if source is not None:
        _families.routes(page, merged)
        _families.own(page, source, merged)
    return bytes(page)


def active_staff(request: HttpRequest) -> bool:
    """Whether an active member of staff is logged in."""
    user = getattr(request, "user", None)
    return user is not None and user.is_active and user.is_staff


def make_view(
    may: Callable[[HttpRequest], bool] = active_staff,
) -> Callable[..., HttpResponse]:
    """The view for ``/unhurried/metrics``; whoever has the token or passes ``may`` is served."""

    @login_not_required  # a scraper has no session; what may be seen is decided here
    @never_cache
    @require_safe
    def metrics(request: HttpRequest, **kwargs: object) -> HttpResponse:
        if not (has_token(request) or may(request)):
            return HttpResponse(FORBIDDEN, status=403, content_type="text/plain; charset=utf-8")
        try:
            return HttpResponse(render(reader()), content_type=CONTENT_TYPE)
        except StoreError as error:
            text = f"{error} {error.hint}\n"
            return HttpResponse(text, status=503, content_type="text/plain; charset=utf-8")

    return metrics


def has_token(request: HttpRequest) -> bool:
    """Whether the request carries the token of the settings, compared in constant time."""
    options = read("prometheus", Options)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if options is None or not options.token or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(token.strip().encode(), options.token.encode())
