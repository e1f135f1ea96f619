"""Which answers a cache in front may keep, for how long, and what it may forget them by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.conf import settings as django_settings
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control, patch_vary_headers

from unhurried.conf import settings

from ._offer import offered
from ._surrogate_keys import CONTROL, NAMES, label

#: Set by our Varnish file where the reader's cookies say that there are messages.
MESSAGES: Final = "X-Messages"
_IN_A_COOKIE: Final = tuple(
    f"django.contrib.messages.storage.{name}"
    for name in ("fallback.FallbackStorage", "cookie.CookieStorage")
)


def share(
    request: Any,
    response: HttpResponseBase,
    tags: Iterable[str],
    left: float,
    *,
    quiet: bool,
    believed: Iterable[str] = (),
) -> None:
    """Let the edge keep what holds nothing of its reader, if there is one that can be purged.

    ``quiet``: it is good for readers without messages; the edge can only tell them by a cookie.
    ``believed``: headers that say, in META's spelling, on which host it was asked for.
    """
    if not settings.EDGES or not offered(request) or left < 1:
        return
    if quiet:
        if django_settings.MESSAGE_STORAGE not in _IN_A_COOKIE:
            return
        patch_vary_headers(response, [MESSAGES])
    if names := [name.removeprefix("HTTP_").replace("_", "-").title() for name in believed]:
        patch_vary_headers(response, names)
    label(response, tags, left)


def settle(response: HttpResponseBase) -> None:
    """Of an answer that may be kept there, once all middleware has seen it.

    A cookie is one reader's. And who has looked at the session has not been this page, which is
    proven to be for all: the edge need not keep one for each cookie.
    """
    if not response.has_header(NAMES[0]):
        return
    if response.cookies:
        for name in (*NAMES, CONTROL):
            del response[name]
    else:
        vary = [each.strip() for each in response.get("Vary", "").split(",")]
        response["Vary"] = ", ".join(each for each in vary if each and each.lower() != "cookie")
        if not response["Vary"]:
            del response["Vary"]


def withhold(response: HttpResponseBase) -> None:
    """Something is told in it that is for its reader alone: no cache in between may keep it.

    What is said of its content stays: the edge has still to put the pieces into it.
    """
    said = [part.strip() for part in response.get(CONTROL, "").split(",")]
    kept = [part for part in said if part and not part.lower().startswith("max-age")]
    for name in (*NAMES, CONTROL):
        del response[name]
    if kept:
        response[CONTROL] = ", ".join(kept)
    told = response.get("Cache-Control", "")
    if (told or response.has_header("Expires")) and "no-store" not in told.lower():
        patch_cache_control(response, private=True)
