"""What a request is: who asks, in which way, for which work, and what the work may know of it."""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import dataclass
from hashlib import sha256
from string import punctuation
from typing import Any, Final, Literal
from urllib.parse import quote

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.crypto import salted_hmac

from .._errors import LaterError
from ._options import Options

Kind = Literal["page", "poll", "head", "prefetch", "async", "crawler", "client"]

POLL: Final = "X-Unhurried-Poll"
HTML: Final = "text/html,*/*;q=0.1"  # what a work is told of all who want a page
_SALT: Final = "unhurried.later.hang_on"
_PAGES: Final = frozenset({("text", "html"), ("application", "xhtml+xml")})
# Crawlers say what they are; those that do not are browsers as far as one can see.
_CRAWLER: Final = re.compile(
    r"bot\b|crawl|spider|slurp|mediapartners|facebookexternalhit|bingpreview|archiver",
    re.IGNORECASE,
)
_ASYNC: Final = re.compile(r"(?:^|[,;\s])respond-async(?:$|[,;\s])", re.IGNORECASE)
_WAIT: Final = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a work."""

    kind: Kind
    key: str
    told: dict[str, Any]  # what the work is told, as JSON has it
    wait: float | None = None  # seconds, of Prefer
    again: bool = False  # a browser that loads a page anew: whoever looks at it has it before him


def asked(request: HttpRequest, args: Any, kwargs: Any, options: Options) -> Asked:
    """May ask the database for the user."""
    told = _told(request, options)
    functions = [by for by in options.vary if not isinstance(by, str)]
    named = {**told, "varied": [_text(by(request), by) for by in functions]}
    if options.key is not None:
        match = request.resolver_match
        named["path"], named["query"] = match.route if match else request.path_info, ""
        named["key"] = _text(options.key(request, *args, **kwargs), options.key)
    key = sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()
    kind = _kind(request)
    wait = _preferred_wait(request) if kind == "async" else None
    return Asked(kind, key, told, wait, again=kind == "page" and _is_reload(request))


def _told(request: HttpRequest, options: Options) -> dict[str, Any]:
    meta = request.META
    return {
        "scheme": request.scheme,
        "host": request.get_host(),
        "port": request.get_port(),
        "script": meta.get("SCRIPT_NAME", ""),
        "path": request.path_info,
        "query": _query(request),
        "user": _user(request) if options.audience == "user" else None,
        "language": translation.get_language(),
        "zone": _zone(),
        "headers": {
            name: _header(request, name) for name in options.headers if name in request.headers
        },
    }


def _query(request: HttpRequest) -> str:
    """As browsers send it. Of who quotes nothing, WSGI has bytes in latin-1, and ASGI has text."""
    query: str = request.META.get("QUERY_STRING", "")
    if query.isascii():
        return query
    raw = query.encode("latin-1" if isinstance(request, WSGIRequest) else "utf-8")
    return quote(raw, safe=punctuation)


def _header(request: HttpRequest, name: str) -> str:
    """As it is; but a browser accepts something else where the page's script asks."""
    if name.lower() == "accept" and (POLL in request.headers or _is_for_page(request)):
        return HTML
    return str(request.headers[name])


def _is_for_page(request: HttpRequest) -> bool:
    return any((each.main_type, each.sub_type) in _PAGES for each in request.accepted_types)


def _zone() -> str | int:
    """The time zone's name, or its minutes from UTC, if that is all it is."""
    zone = timezone.get_current_timezone()
    if isinstance(zone, datetime.timezone):
        return int(zone.utcoffset(None).total_seconds()) // 60
    return timezone.get_current_timezone_name()


def _user(request: HttpRequest) -> str | None:
    """The user's primary key; None of who is none."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    return str(user._meta.pk.value_to_string(user))


def owner(request: HttpRequest) -> str:
    """Whose works are counted together. Of who is nobody the address, hashed: often a household."""
    user = _user(request)
    name = f"address:{request.META.get('REMOTE_ADDR', '')}" if user is None else f"user:{user}"
    return salted_hmac(_SALT, name, algorithm="sha256").hexdigest()


def _text(value: Any, function: Any) -> str:
    if isinstance(value, str):
        return value
    name = getattr(function, "__qualname__", repr(function))
    raise LaterError(f"{name} returned {value!r}, which is no str.", "str(…) it.")


def _kind(request: HttpRequest) -> Kind:
    headers = request.headers
    if request.method == "HEAD":
        return "head"
    if POLL in headers:
        return "poll"
    purposes = (headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))
    if any("prefetch" in each.lower() or "prerender" in each.lower() for each in purposes):
        return "prefetch"
    if _CRAWLER.search(headers.get("User-Agent", "")):
        return "crawler"
    if _is_for_page(request):
        return "page"
    return "async" if _ASYNC.search(headers.get("Prefer", "")) else "client"


def _is_reload(request: HttpRequest) -> bool:
    """By hand, or because the page that waits says so: Chromium and Firefox send it then."""
    said = request.headers.get("Cache-Control", "").lower()
    return "max-age=0" in said or "no-cache" in said


def _preferred_wait(request: HttpRequest) -> float | None:
    found = _WAIT.search(request.headers.get("Prefer", ""))
    return float(found[1]) if found else None
