"""Which responses may be kept: those that are proven to be for all, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import (
    FileResponse,
    HttpResponse,
    HttpResponseNotModified,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.template.response import SimpleTemplateResponse
from django.test import RequestFactory
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import cache_control, never_cache

from unhurried.cache._audience import refusal


def refused(response: Any, request: Any = None, **options: Any) -> str:
    return refusal(request or RequestFactory().get("/"), response, **options)


def with_header(name: str, value: str) -> HttpResponse:
    return HttpResponse("ok", headers={name: value})


def with_cookie() -> HttpResponse:
    response = HttpResponse("ok")
    response.set_cookie("seen", "1")
    return response


KEPT = {
    "plain": HttpResponse("ok"),
    "json": JsonResponse({"ok": True}),
    "public": with_header("Cache-Control", "public, max-age=600"),
    "immutable": with_header("Cache-Control", "max-age=31536000, immutable"),
    "quoted words": with_header("Cache-Control", 'max-age=60, note="private, no-store"'),
    "revalidated": with_header("Cache-Control", "max-age=60, must-revalidate"),
    "zipped": with_header("Content-Encoding", "gzip"),
    "as it is": with_header("Content-Encoding", "identity"),
    "varies on what each key has": with_header("Vary", "Accept-Encoding, accept-language"),
    "varies on nothing": with_header("Vary", " , "),
    "a policy": with_header("Content-Security-Policy", "script-src 'self' 'sha256-abc'"),
    "a name": with_header("X-Frame-Options", "DENY"),
    "a date of its content": with_header("Last-Modified", "Mon, 02 Feb 2026 00:00:00 GMT"),
    "an etag": with_header("ETag", '"abc"'),
}
REFUSED = {
    "no content": (HttpResponse(status=204), "204"),
    "a part": (HttpResponse(status=206), "206"),
    "created": (HttpResponse(status=201), "201"),
    "moved": (HttpResponseRedirect("/"), "302"),
    "not modified": (HttpResponseNotModified(), "304"),
    "missing": (HttpResponse(status=404), "404"),
    "broken": (HttpResponse(status=500), "500"),
    "a stream": (StreamingHttpResponse([b"a"]), "streaming"),
    "a file": (FileResponse(b"a"), "streaming"),
    "a cookie": (with_cookie(), "the cookie seen"),
    "a cookie as a header": (with_header("Set-Cookie", "a=1"), "Set-Cookie"),
    "private": (with_header("Cache-Control", "private"), "private"),
    "private in capitals": (with_header("Cache-Control", "PRIVATE"), "private"),
    "private among others": (with_header("Cache-Control", "max-age=60 ,\t Private"), "private"),
    "private of a field": (with_header("Cache-Control", 'private="Set-Cookie"'), "private"),
    "private, oddly spaced": (with_header("Cache-Control", "max-age=6,\tprivate  ="), "private"),
    "after a quoted comma": (with_header("Cache-Control", 'a="x,y",No-Store'), "no-store"),
    "not stored": (with_header("Cache-Control", "no-store"), "no-store"),
    "asked each time": (with_header("Cache-Control", "No-Cache"), "no-cache"),
    "old at once": (with_header("Cache-Control", "max-age=0"), "max-age=0"),
    "old for others": (with_header("Cache-Control", 'public, S-MaxAge="0"'), "s-maxage=0"),
    "of old": (with_header("Pragma", "No-Cache"), "no-cache"),
    "varies on all": (with_header("Vary", "*"), "Vary: *"),
    "varies on all as well": (with_header("Vary", "Accept-Encoding,\t* "), "Vary: *"),
    "varies on cookies": (with_header("Vary", "cookie"), "cookie"),
    "varies on an origin": (with_header("Vary", "origin"), "origin"),
    "a range": (with_header("Content-Range", "bytes 0-1/2"), "Content-Range"),
    "an odd encoding": (with_header("Content-Encoding", "br"), "br"),
    "a nonce": (with_header("Content-Security-Policy", "script-src 'Nonce-abc'"), "nonce"),
    "a nonce for reports": (
        with_header("content-security-policy-report-only", "script-src 'nonce-abc'"),
        "nonce",
    ),
    "an id": (with_header("X-Request-ID", "1"), "X-Request-ID"),
    "another id": (with_header("x-correlation-id", "1"), "x-correlation-id"),
    "a trace": (with_header("traceparent", "00-1-1-00"), "traceparent"),
    "a timing": (with_header("Server-Timing", "db;dur=1"), "Server-Timing"),
    "a date": (with_header("Date", "Mon, 02 Feb 2026 00:00:00 GMT"), "Date"),
    "a limit": (with_header("X-RateLimit-Remaining", "3"), "X-RateLimit-Remaining"),
    "a file of the server's": (with_header("X-Accel-Redirect", "/secret/"), "X-Accel-Redirect"),
    "of nobody again": (never_cache(lambda request: HttpResponse())(RequestFactory().get("/")), ""),
    "of one": (
        cache_control(private=True)(lambda request: HttpResponse())(RequestFactory().get("/")),
        "private",
    ),
}


@pytest.mark.parametrize("what", KEPT)
def test_what_is_for_all_is_kept(what: str) -> None:
    assert refused(KEPT[what]) == ""


@pytest.mark.parametrize("what", REFUSED)
def test_what_may_not_be_is_refused_with_the_reason(what: str) -> None:
    response, reason = REFUSED[what]
    said = refused(response)
    assert said
    assert reason in said


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (RequestFactory().post("/"), "POST"),
        (RequestFactory().get("/", HTTP_AUTHORIZATION="Basic abc"), "Authorization"),
        (RequestFactory().get("/", HTTP_RANGE="bytes=0-1"), "Range"),
    ],
)
def test_requests_that_are_for_themselves(request_: Any, reason: str) -> None:
    assert reason in refused(HttpResponse("ok"), request_)


def test_fields_that_the_key_has_may_vary() -> None:
    response = with_header("Vary", "Cookie, X-Kind")
    assert refused(response, vary=["header:x-kind", "cookie:theme"]) == ""
    assert refused(response, vary=["header:x-kind"], audience="user") == ""
    assert refused(response, vary=["header:x-kind"]) == (
        "it varies on cookie, which is not in the key"
    )


def test_a_cookie_that_middleware_alone_has_looked_at_is_not_the_page_s() -> None:
    """SessionMiddleware says Vary: Cookie whenever something has asked for the user before."""
    response = HttpResponse("ok")
    patch_vary_headers(response, ("Cookie", "Accept-Language"))
    assert refused(response)
    assert refused(response, final=True) == ""


def test_what_is_not_rendered_can_t_be_judged() -> None:
    with pytest.raises(RuntimeError, match="rendered"):
        refused(SimpleTemplateResponse("plain.html"))
