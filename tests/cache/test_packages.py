"""What well-known packages do to a request or a response, each in a few lines, and what is kept."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gzip import decompress
from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from django.db import connection
from django.http import HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject

from tests.books.models import Author
from unhurried.cache import cached_page, fragment
from unhurried.cache._pages import _refused

from .pages import DJANGO, MIDDLE, MIDDLEWARE, OURS, site_with

pytestmark = pytest.mark.django_db(transaction=True)


def text(source: str) -> Any:
    return engines["django"].from_string("{% load unhurried %}" + source)


@contextmanager
def at(middleware: list[str]) -> Iterator[None]:
    site = site_with(middleware, UNHURRIED={"STRICT": False})
    with site, override_settings(ROOT_URLCONF=__name__):
        yield


def statuses(where: str, times: int = 3) -> list[str]:
    return [Client().get(where)["Cache-Status"] for _ in range(times)]


@cached_page(600)
def serving(request: Any) -> TemplateResponse:
    """As wagtail's Page.serve."""
    request.chosen = "its own"
    return TemplateResponse(request, text("{{ request.chosen }}"))


@cached_page(600)
def missing(request: Any) -> TemplateResponse:
    return TemplateResponse(request, text("{% if request.missing %}x{% endif %}"))


def replaces(view: Any) -> Any:
    def inner(request: Any) -> Any:
        response = view(request)
        request.chosen = request.GET.get("who", "another's") if request.user.pk else "nobody's"
        return response

    return inner


@fragment("drawn", ttl=600)
def drawn(request: Any) -> Any:
    return titles[-1]


titles = ["published"]


def draw(request: Any) -> HttpResponse:
    """A page with parts, of whatever its title is just now: saved, or in an editor's window."""
    source = '{% cached 600 "drawn" %}{{ title }}{% endcached %}|{% fragment "drawn" %}'
    return HttpResponse(text(source).render({"title": titles[-1]}, request))


kept = cached_page(600)(draw)


class Csp:
    """As django-csp's: the nonce lies there once it was used."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        def make() -> str:
            request._csp_nonce = getattr(request, "_csp_nonce", "") or secrets.token_urlsafe(16)
            return request._csp_nonce

        request.csp_nonce = SimpleLazyObject(make)
        response = self.get_response(request)
        response["X-Nonce"] = getattr(request, "_csp_nonce", "")
        return response


@cached_page(600)
def with_a_nonce(request: Any) -> HttpResponse:
    return HttpResponse(f'<script nonce="{request.csp_nonce}"></script>')


@cached_page(600)
def with_a_challenge(request: Any) -> HttpResponse:
    """As django-simple-captcha's: a row for each form that is shown."""
    key = secrets.token_hex(8)
    Author.objects.create(name=key)
    return HttpResponse(key)


@cached_page(600)
def with_a_late_challenge(request: Any) -> TemplateResponse:
    return TemplateResponse(request, text("{{ challenge }}"), {"challenge": in_sql})


def in_sql() -> str:
    key = secrets.token_hex(8)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO books_author (name) VALUES (%s)", [key])
    return key


def with_a_part(request: Any) -> HttpResponse:
    source = '{% cached 600 "challenge" %}{{ challenge }}{% endcached %}'
    return HttpResponse(text(source).render({"challenge": in_sql}, request))


@cached_page(600)
def with_a_thumbnail(request: Any) -> HttpResponse:
    thumbnail, _ = Author.objects.get_or_create(name="thumbnail")
    return HttpResponse(thumbnail.name)


def writes_before(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        Author.objects.create(name="a visit")
        return get_response(request)

    return middleware


by_origin = cached_page(600, vary=["header:Origin"])(lambda request: HttpResponse("x"))


def banner(get_response: Any) -> Any:
    """As django-hijack's, and debug toolbars."""

    def middleware(request: Any) -> Any:
        response = get_response(request)
        if "hijacked" in request.COOKIES and response.status_code == 200:
            response.content = response.content.replace(b"</body>", b"YOU ARE EVE</body>")
        return response

    return middleware


def cors(get_response: Any) -> Any:
    """As django-cors-headers's, which says so of each response."""

    def middleware(request: Any) -> Any:
        response = get_response(request)
        patch_vary_headers(response, ["origin"])
        if "Origin" in request.headers:
            response["Access-Control-Allow-Origin"] = request.headers["Origin"]
        return response

    return middleware


@cached_page(600)
def plain(request: Any) -> HttpResponse:
    return HttpResponse(PLAIN)


urlpatterns = [
    path("challenge/", with_a_challenge),
    path("late/", with_a_late_challenge),
    path("part/", with_a_part),
    path("thumbnail/", with_a_thumbnail),
    path("plain/", plain),
    path("by-origin/", by_origin),
    path("serving/", serving),
    path("replaced/", replaces(serving)),
    path("missing/", missing),
    path("drawn/", draw),
    path("kept/", kept),
    path("nonce/", with_a_nonce),
]


# wagtail


@pytest.mark.parametrize("way", sorted(MIDDLEWARE))
def test_what_the_view_has_set_is_its_own_while_it_is_rendered(way: str) -> None:
    with at(MIDDLEWARE[way]):
        assert "hit" in statuses("/serving/")[-1]


def test_unless_what_is_around_it_has_set_it_again() -> None:
    with at([OURS, *DJANGO]):
        assert not any("hit" in each or "stored" in each for each in statuses("/replaced/"))


@pytest.mark.parametrize("way", sorted(MIDDLEWARE))
def test_an_attribute_that_is_not_there_is_no_look_at_all_of_them(way: str) -> None:
    with at(MIDDLEWARE[way]):
        assert "hit" in statuses("/missing/")[-1]


def test_where_a_middleware_may_set_it_for_others_it_is_one_at_it() -> None:
    with at([OURS, *DJANGO, MIDDLE]):
        assert not any("hit" in each or "stored" in each for each in statuses("/missing/"))


def preview(title: str, view: Callable[[Any], HttpResponse], where: str) -> Any:
    """As wagtail does: all the middleware, around a request made up and a view of its own."""

    class Handler(BaseHandler):
        def _get_response(self, request: Any) -> HttpResponse:
            request.is_preview = True
            return view(request)

    handler = Handler()
    handler.load_middleware()
    request: Any = RequestFactory().get(where, SERVER_NAME="testserver")
    request.is_dummy = True
    titles.append(title)
    try:
        return handler.get_response(request)
    finally:
        titles.pop()


@pytest.mark.parametrize("view", [draw, kept], ids=["parts", "page"])
@pytest.mark.parametrize("way", ["inside", "first"])
def test_a_draft_is_nobody_else_s_and_is_itself_no_old_one(way: str, view: Any) -> None:
    with at(MIDDLEWARE[way]):
        for where in ("/drawn/", "/kept/"):
            for _ in range(2):
                assert preview("draft", view, where).content == b"draft|draft"
            for _ in range(2):
                assert Client().get(where).content == b"published|published"
            assert preview("draft 2", view, where).content == b"draft 2|draft 2"


def test_a_preview_is_not_answered_with_the_page_its_address_leads_to() -> None:
    with at([OURS, *DJANGO]):
        assert "hit" in statuses("/kept/")[-1]
        found = preview("", lambda request: HttpResponse("something else"), "/kept/")
        assert found.content == b"something else"
        assert "Cache-Status" not in found


# django-csp


def test_each_reader_has_a_nonce_and_the_header_has_it_too() -> None:
    with at([OURS, *DJANGO, f"{__name__}.Csp"]):
        pages = [Client().get("/nonce/") for _ in range(3)]
    assert "hit" in pages[-1]["Cache-Status"]
    assert len({page["X-Nonce"] for page in pages}) == 3
    for page in pages:
        assert page.content == b'<script nonce="%s"></script>' % page["X-Nonce"].encode()


# django-simple-captcha, and easy-thumbnails


@pytest.mark.parametrize("where", ["challenge", "late", "part"])
@pytest.mark.parametrize("way", ["inside", "first"])
def test_what_wrote_a_row_while_it_was_made_is_one_reader_s(way: str, where: str) -> None:
    with at(MIDDLEWARE[way]):
        assert len({Client().get(f"/{where}/").content for _ in range(5)}) == 5


def test_it_says_what_it_wrote_and_from_the_second_time_on_nobody_waits() -> None:
    _refused.reasons.pop(with_a_challenge.name, None)
    with at([OURS, *DJANGO]):
        found = statuses("/challenge/", 1)[0]
        key = with_a_challenge.key("/challenge/")
        assert not _refused.passes(key)
        assert "stored" not in found
        statuses("/challenge/", 1)
        assert _refused.passes(key) == "it wrote books_author"
        assert _refused.reasons[with_a_challenge.name] == {"it wrote books_author": 2}


@pytest.mark.parametrize("way", sorted(MIDDLEWARE))
def test_what_writes_the_first_time_only_is_kept_the_second(way: str) -> None:
    with at(MIDDLEWARE[way]):
        first, second, third = statuses("/thumbnail/")
        assert "stored" not in first
        assert "stored" in second
        assert "hit" in third


def test_what_a_middleware_writes_is_not_the_page_s() -> None:
    with at([OURS, *DJANGO, f"{__name__}.writes_before"]):
        assert "hit" in statuses("/plain/")[-1]


# django-hijack

BANNER = f"{__name__}.banner"
GZIP, CONDITIONAL = (
    f"django.middleware.{name}" for name in ("gzip.GZipMiddleware", "http.ConditionalGetMiddleware")
)
AROUND = {
    "first": [OURS, *DJANGO, BANNER],
    "inside": [BANNER, *DJANGO, OURS],
    "in the midst": [*DJANGO, OURS, BANNER],
    "asks": [OURS, CONDITIONAL, *DJANGO, BANNER],
    "zips": [OURS, GZIP, *DJANGO, BANNER],
}


@pytest.mark.parametrize("way", AROUND)
def test_a_page_that_a_middleware_has_changed_is_not_called_the_same(way: str) -> None:
    with at(AROUND[way]):
        hijacked = Client(headers={"cookie": "hijacked=1"})
        for client, other in ((Client(), hijacked), (hijacked, Client())) * 2:
            tag = client.get("/plain/").get("ETag", '"none"')
            found = other.get("/plain/", headers={"if-none-match": tag})
            assert (b"YOU ARE EVE" in found.content) == (other is hijacked)


@pytest.mark.parametrize("way", AROUND.keys() - {"inside"})
def test_where_it_was_not_changed_it_is(way: str) -> None:
    with at(AROUND[way]):
        for _ in range(2):
            sent = {"accept-encoding": "gzip"}
            tag = Client().get("/plain/", headers=sent)["ETag"]
            found = Client().get("/plain/", headers={**sent, "if-none-match": tag})
            assert (found.status_code, found.content, found["ETag"]) == (304, b"", tag)


# django-cors-headers


def test_a_page_is_kept_without_what_a_middleware_says_of_each_reader() -> None:
    neutral = {"STRICT": False, "NEUTRAL_MIDDLEWARE": [CORS]}
    site = site_with([OURS, GZIP, *DJANGO, CORS], UNHURRIED=neutral)
    with site, override_settings(ROOT_URLCONF=__name__):
        for n, origin in enumerate(("https://a.example", "https://b.example", "") * 2):
            sent = {"origin": origin} if origin else {}
            page = Client().get("/plain/", headers={**sent, "accept-encoding": "gzip"})
            assert ("hit" in page["Cache-Status"]) == (n > 0)
            assert page.get("Access-Control-Allow-Origin", "") == origin
            assert "origin" in page["Vary"]
            assert len(page.content) == int(page["Content-Length"])
            assert decompress(page.content) == PLAIN
            known = Client().get(
                "/plain/",
                headers={**sent, "accept-encoding": "gzip", "if-none-match": page["ETag"]},
            )
            assert known.status_code == 304
            assert known.get("Access-Control-Allow-Origin", "") == origin


def test_who_puts_the_origin_into_the_key_has_it_sent_before_middleware() -> None:
    neutral = {"STRICT": False, "NEUTRAL_MIDDLEWARE": [CORS]}
    site = site_with([OURS, *DJANGO, CORS], UNHURRIED=neutral)
    with site, override_settings(ROOT_URLCONF=__name__):
        for n, origin in enumerate(("https://a.example", "https://b.example") * 2):
            page = Client().get("/by-origin/", headers={"origin": origin})
            assert ("hit" in page["Cache-Status"]) == (n > 1)
            assert page["Access-Control-Allow-Origin"] == origin
            assert by_origin.peek(page.wsgi_request).state == "fresh"


CORS = f"{__name__}.cors"
PLAIN = f"<body>{'plain ' * 99}</body>".encode()
