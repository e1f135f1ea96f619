"""Headers of a kept page: which are kept, and what caches and browsers are told."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

from ._options import Options

#: Of one response, or made anew for each: never part of an entry.
NOT_KEPT: Final = frozenset(
    "age cache-status connection content-encoding content-length date etag set-cookie "
    "transfer-encoding".split()
)
#: They would speak for what is around the pieces of a page: a 304 would leave somebody else's in.
OF_THE_FRAME: Final = ("Last-Modified", "Expires")
NAME: Final = "unhurried"


def prepare(response: HttpResponse, options: Options, *, variants: int) -> None:
    """What each response of this page says: browsers ask each time, for we know when it changes."""
    vary = [*options.vary_headers, *(["Accept-Encoding"] if variants > 1 else ())]
    if vary:
        patch_vary_headers(response, vary)
    if not response.has_header("Cache-Control"):
        response["Cache-Control"] = "private, no-cache" if options.private else "no-cache"
    elif options.private:
        patch_cache_control(response, private=True)


def make_private(response: HttpResponse) -> None:
    """It holds pieces of one reader's."""
    patch_cache_control(response, private=True, no_cache=True)
    patch_vary_headers(response, ["Cookie"])


def kept(response: HttpResponse) -> dict[str, str]:
    return {name: value for name, value in response.items() if name.lower() not in NOT_KEPT}


def hit(ttl: float) -> str:
    """RFC 9211; a ttl below zero says to everyone that it is not fresh."""
    return f"{NAME}; hit; ttl={int(ttl)}"


def forwarded(why: str, stored_for: float | None = None) -> str:
    """``why``: "miss", "stale", "bypass" or "method"."""
    stored = "" if stored_for is None else f"; stored; ttl={int(stored_for)}"
    return f"{NAME}; fwd={why}{stored}"


def add_status(response: Any, status: str) -> None:
    """After those of the caches behind us, if there are any."""
    before = response.get("Cache-Status", "")
    response["Cache-Status"] = f"{before}, {status}" if before else status


def with_details(status: str, detail: str, key: str) -> str:
    """For staff: why, and under which key."""
    parts = [status]
    if key:
        parts.append(f'key="{_quoted(key)}"')
    if detail:
        parts.append(f'detail="{_quoted(detail)}"')
    return "; ".join(parts)


def _quoted(text: str) -> str:
    """As RFC 8941 has strings: printable ASCII."""
    plain = "".join(each if " " <= each <= "~" else "?" for each in text)
    return plain.replace("\\", "\\\\").replace('"', '\\"')
