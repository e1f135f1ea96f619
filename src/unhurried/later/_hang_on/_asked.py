"""Who asks, what for, and what the work may know of it: never a cookie."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language

from ._options import Options

POLL: Final = "X-Unhurried-Poll"
_CRAWLERS = re.compile(r"bot\b|crawl|spider|slurp|archiver|facebookexternalhit", re.IGNORECASE)
_WAIT = re.compile(r"\bwait\s*=\s*\"?(\d{1,6})", re.IGNORECASE)


def kind(request: HttpRequest) -> str:
    """One of: prefetch, head, poll, crawler, async (RFC 7240), page, api."""
    headers = request.headers
    if "prefetch" in f"{headers.get('Sec-Purpose', '')} {headers.get('Purpose', '')}".lower():
        return "prefetch"
    if request.method == "HEAD":
        return "head"
    if POLL in headers:
        return "poll"
    if _CRAWLERS.search(headers.get("User-Agent", "")):
        return "crawler"
    if "respond-async" in headers.get("Prefer", "").lower():
        return "async"
    accept = headers.get("Accept", "").lower()
    return "page" if "text/html" in accept or "application/xhtml+xml" in accept else "api"


def preferred_wait(request: HttpRequest, otherwise: float, most: float) -> float:
    found = _WAIT.search(request.headers.get("Prefer", ""))
    return min(float(found[1]), most) if found else otherwise


def user_pk(request: HttpRequest) -> str | None:
    user = getattr(request, "user", None)
    return str(user.pk) if user is not None and user.is_authenticated else None


def owner(request: HttpRequest) -> str:
    """Whose open works are counted: a user's, or those of an address, which is not stored."""
    pk = user_pk(request)
    if pk is not None:
        return hashlib.sha256(f"user {pk}".encode()).hexdigest()
    address = request.META.get("REMOTE_ADDR", "")
    return salted_hmac("unhurried.hang_on", address, algorithm="sha256").hexdigest()


def asked(request: HttpRequest, options: Options) -> dict[str, Any]:
    """All that the request of the work is made from."""
    urlconf = getattr(request, "urlconf", None)
    return {
        "path": request.path_info,
        "script": request.path.removesuffix(request.path_info),
        "query": request.META.get("QUERY_STRING", ""),
        "scheme": request.scheme,
        "host": request.get_host(),
        "user": user_pk(request),
        "language": get_language(),
        "accept_language": request.headers.get("Accept-Language", ""),
        "urlconf": urlconf if isinstance(urlconf, str) else None,
        "headers": {name: request.headers.get(name, "") for name in options.vary},
    }


def key_of(name: str, asked: Mapping[str, Any], extra: str) -> str:
    """The audience is in it: two users, languages or hosts never share a work."""
    parts = {**asked, "accept_language": "", "view": name, "extra": extra}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
