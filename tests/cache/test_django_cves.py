"""Leaks that Django's own page cache once had, and those of others: none may be possible here.

https://docs.djangoproject.com/en/stable/releases/security/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.test import Client, RequestFactory, override_settings
from django.urls import path
from django.utils.cache import patch_vary_headers
from django.views.decorators.vary import vary_on_cookie

from unhurried.cache._audience import observing, refusal, unproven

from .audience_site import seam
from .audience_site.seam import kept
from .audience_site.settings import SITE

pytestmark = pytest.mark.django_db


def said(**headers: str) -> Any:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return kept(lambda request: HttpResponse("for you", headers=headers))


def personal(request: Any) -> HttpResponse:
    return HttpResponse(request.COOKIES.get("who", "nobody"))


def greeted(request: Any) -> HttpResponse:
    return HttpResponse(f"Hello, {request.user.username or 'stranger'}")


def echoed(request: Any) -> HttpResponse:
    return HttpResponse("a <esi:include src='//evil/'/> <!--#include virtual='/x'--> b")


urlpatterns = [
    path("star/", said(Vary="*")),
    path("star-among/", said(Vary="Accept-Encoding , *")),
    path("spaced/", said(Vary=" Cookie\t, Accept-Encoding")),
    path("capitals/", said(Cache_Control="Private, MAX-AGE=60")),
    path("spaced-private/", said(Cache_Control="max-age=60 , private")),
    path("quoted/", said(Cache_Control='x="a,b", pRiVaTe')),
    path("token/", kept(lambda request: HttpResponse(get_token(request)))),
    path("cookie/", kept(vary_on_cookie(personal))),
    path("unsaid/", kept(personal)),
    path("greeting/", kept(greeted)),
    path("account/", kept(greeted)),
    path("account/<path:rest>", kept(lambda request, rest: greeted(request))),
    path("named/<path:rest>", kept(lambda request, rest: HttpResponse(rest))),
    path("includes/", kept(echoed)),
    path("address/", kept(lambda request: HttpResponse(request.build_absolute_uri()))),
]


@pytest.fixture(autouse=True)
def site() -> Iterator[None]:
    seam.forget()
    with override_settings(**SITE | {"ROOT_URLCONF": __name__}):
        yield
    seam.forget()


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("star", id="CVE-2026-6907"),
        pytest.param("star-among", id="CVE-2026-6907 among others"),
        pytest.param("capitals", id="CVE-2026-8404"),
        pytest.param("quoted", id="CVE-2026-8404 after a quoted comma"),
        pytest.param("spaced", id="CVE-2026-48587"),
        pytest.param("spaced-private", id="CVE-2026-48587 of Cache-Control"),
    ],
)
def test_spellings_of_not_for_others(address: str) -> None:
    Client().get(f"/{address}/")
    assert not seam.pages
    assert seam.verdicts[-1].refusal


def test_cve_2014_0473_the_token_of_an_anonymous_page() -> None:
    """Each visitor without a cookie got the token, and its cookie, of whoever came first."""
    first, second = Client().get("/token/"), Client().get("/token/")
    assert first.content != second.content
    assert first.cookies["csrftoken"].value != second.cookies["csrftoken"].value
    assert "csrf" in seam.verdicts[-1].unproven


def test_cve_2014_1418_a_page_of_somebody_without_vary() -> None:
    """Django dropped Vary: Cookie for some browsers, and caches shared what was private."""
    alice, bob = Client(), Client()
    for address in ("/cookie/", "/unsaid/"):
        for client, name in ((alice, "alice"), (bob, "bob")):
            client.cookies.load({"who": name})
            assert client.get(address).content == name.encode()
    assert not seam.pages


def test_cve_2014_1418_vary_is_not_what_is_believed() -> None:
    request = RequestFactory().get("/", HTTP_USER_AGENT="MSIE")
    with observing(request) as seen:
        response = personal(request)
    assert unproven(seen.touched).keys() == {"cookie:who"}
    patch_vary_headers(response, ["User-Agent"])
    assert "user-agent" in refusal(request, response)


def test_cve_2020_13254_the_key_that_memcached_took_for_two() -> None:
    """A page's address may be anything; it stays one address, and one page."""
    parts = [
        "a b",
        "a",
        "a\tb",
        "ü" * 300,
        "x" * 5000,
        "x" * 5001,
        "\0",
        "a:b",
        "a|b",
        "e\u0301",
        "é",
    ]
    addresses = [f"/named/{quote(part)}" for part in parts]
    for _ in range(2):
        assert [Client().get(each).content.decode() for each in addresses] == parts
    assert len(seam.pages) == len(parts)


@pytest.mark.parametrize(
    "address",
    [
        *("/account/a.css", "/account/a%2fb.css", "/account/%252e%252e/x.png", "/account/x;.js"),
        *("/account/a.css?v=1", "/account//x.ico", "/account/%00.gif", "/account/a%09x.css"),
    ],
)
def test_no_name_of_a_file_makes_a_page_public(address: str, django_user_model: Any) -> None:
    """Web cache deception: what looks like a style sheet is still of who asked."""
    alice = Client()
    alice.force_login(django_user_model.objects.create_user("alice"))
    assert b"alice" in alice.get(address).content
    assert b"stranger" in Client().get(address).content
    assert not seam.pages


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-Host", "X-Host", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix"],
)
def test_no_header_poisons_what_is_kept(header: str) -> None:
    body = Client().get("/address/", headers={header: "evil.example"}).content
    assert b"evil" not in body
    assert Client().get("/address/").content == body


def test_who_is_known_and_who_is_not_never_share(django_user_model: Any) -> None:
    """In either order: (f) 32."""
    alice = Client()
    alice.force_login(django_user_model.objects.create_user("alice"))
    assert Client().get("/greeting/").content == b"Hello, stranger"
    assert alice.get("/greeting/").content == b"Hello, alice"
    assert Client().get("/greeting/").content == b"Hello, stranger"


def test_what_is_kept_is_what_the_view_gave() -> None:
    """No markup of a body is an instruction to anybody: (f) 36."""
    bodies = {Client().get("/includes/").content for _ in range(3)}
    assert bodies == {echoed(None).content}
    assert len(seam.pages) == 1


@pytest.mark.parametrize("method", ["post", "put", "delete", "options"])
def test_other_methods_are_not_kept(method: str) -> None:
    getattr(Client(), method)("/includes/")
    assert not seam.pages


@pytest.mark.parametrize("header", ["Authorization", "Range"])
def test_requests_with_what_is_theirs_alone_are_not_kept(header: str) -> None:
    Client().get("/includes/", headers={header: "bytes=0-1"})
    assert not seam.pages
