"""Whether a response may be kept at all: it must be proven shared, not merely not forbidden.

Three of Django's own leaks (CVE-2026-6907, -8404, -48587) were lists of what may not be kept that
missed a spelling. Here headers are read as what they are, lists of words without case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.http.response import HttpResponseBase

from ._proven import Choice

_SAFE: Final = ("GET", "HEAD")
#: What Cache-Control and Pragma say of a page that is not for sharing, or not for keeping.
_FORBIDDEN: Final = frozenset({"private", "no-store", "no-cache"})
_LIFETIMES: Final = frozenset({"max-age", "s-maxage"})
#: Fields of Vary that are in each key, by language and by encoding.
_VARIES: Final = frozenset({"accept-encoding", "accept-language"})
#: Headers that are another for each response, or mean that the body is none.
_PER_RESPONSE: Final = frozenset(
    "age authentication-info b3 clear-site-data cf-ray content-range date proxy-authenticate "
    "ratelimit ratelimit-limit ratelimit-remaining ratelimit-reset request-id server-timing "
    "set-cookie set-cookie2 sourcemap-id traceparent tracestate www-authenticate x-accel-redirect "
    "x-amzn-trace-id x-b3-traceid x-cloud-trace-context x-correlation-id x-ratelimit-limit "
    "x-ratelimit-remaining x-ratelimit-reset x-request-id x-request-start x-response-time "
    "x-runtime x-sendfile x-trace-id".split()
)
_POLICIES: Final = ("content-security-policy", "content-security-policy-report-only")
#: What a refusal begins with that is for nothing but Vary.
VARIES: Final = "it varies on "
#: Between commas, but those within quotes, where a backslash quotes what follows.
_MEMBER: Final = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^,])+')


def refusal(
    request: Any,
    response: HttpResponseBase,
    *,
    audience: Choice = "all",
    vary: Iterable[Choice] = (),
    final: bool = False,
) -> str:
    """Why this response may not be kept, in half a sentence; empty if it may.

    ``audience`` and ``vary`` as for ``unproven``: they say which fields of Vary the key holds.
    ``final``: these are the headers of all middleware, so ``Vary: Cookie`` may be of Django's
    session or CSRF middleware, which looked at a cookie that the page has not; call it without
    before that, on what the view itself gave. Raises ``RuntimeError`` for a response not rendered.
    """
    if not getattr(response, "is_rendered", True):
        raise RuntimeError("The response has not been rendered: ask again after that.")
    fields = _fields(audience, vary, final=final)
    for test in _TESTS:
        reason = test(request, response)
        if reason:
            return reason
    return _vary(response, fields)


def varies(response: HttpResponseBase, *, audience: Choice, vary: Iterable[Choice]) -> str:
    """Why its ``Vary``, with that of decorators, is in no key; as for ``final``, see above."""
    return _vary(response, _fields(audience, vary, final=True))


def _fields(audience: Choice, vary: Iterable[Choice], *, final: bool) -> frozenset[str]:
    """The fields of Vary that the key has, in small letters."""
    words = [each for each in (audience, *vary) if isinstance(each, str)]
    fields = {each.removeprefix("header:").lower() for each in words if each[:7] == "header:"}
    if final or any(each in ("user", "session") or each[:7] == "cookie:" for each in words):
        fields.add("cookie")
    return _VARIES | fields


def _method(request: Any, response: HttpResponseBase) -> str:
    return "" if request.method in _SAFE else f"the request is a {request.method}"


def _authorization(request: Any, response: HttpResponseBase) -> str:
    return "the request has an Authorization" if "HTTP_AUTHORIZATION" in request.META else ""


def _range(request: Any, response: HttpResponseBase) -> str:
    return "the request asks for a Range" if "HTTP_RANGE" in request.META else ""


def _status(request: Any, response: HttpResponseBase) -> str:
    return "" if response.status_code == 200 else f"its status is {response.status_code}"


def _streaming(request: Any, response: HttpResponseBase) -> str:
    return "it is streaming" if response.streaming else ""


def _cookies(request: Any, response: HttpResponseBase) -> str:
    names = ", ".join(response.cookies)
    return f"it sets the cookie {names}" if names else ""


def _headers(request: Any, response: HttpResponseBase) -> str:
    for name, value in response.items():
        low = name.strip().lower()
        if low in _PER_RESPONSE:
            return f"its header {name} is of this response alone"
        if low in _POLICIES and "'nonce-" in value.lower():
            return f"its {name} has a nonce"
    return ""


def _cache_control(request: Any, response: HttpResponseBase) -> str:
    for header in ("Cache-Control", "Pragma"):
        for word, _, value in map(_directive, _listed(response.get(header, ""))):
            if word in _FORBIDDEN:
                return f"its {header} says {word}"
            if word in _LIFETIMES and value.strip(' "') in ("0", ""):
                return f"its {header} says {word}=0"
    return ""


def _encoding(request: Any, response: HttpResponseBase) -> str:
    found = response.get("Content-Encoding", "")
    known = found.strip().lower() in ("", "identity", "gzip")
    return "" if known else f"its Content-Encoding is {found}"


def _vary(response: HttpResponseBase, known: frozenset[str]) -> str:
    for field in _listed(response.get("Vary", "")):
        if field == "*":
            return f"{VARIES}everything (Vary: *)"
        if field not in known:
            return f"{VARIES}{field}, which is not in the key"
    return ""


def members(header: str) -> list[str]:
    """The members of a header that is a list, as they are written."""
    return [each for part in _MEMBER.findall(header) if (each := part.strip())]


def _listed(header: str) -> list[str]:
    """The same without case, and without any space in them."""
    return ["".join(each.split()).lower() for each in members(header)]


def _directive(word: str) -> tuple[str, str, str]:
    return word.partition("=")


_TESTS: Final[tuple[Callable[[Any, HttpResponseBase], str], ...]] = (
    *(_method, _authorization, _range, _status, _streaming),
    *(_cookies, _headers, _cache_control, _encoding),
)
