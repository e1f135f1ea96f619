"""What people ask about a page, and have made: by any address under which visitors know it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import Client, RequestFactory, override_settings
from django.test.utils import override_script_prefix
from django.urls import path
from django.utils import translation

from unhurried.cache import cached, cached_page, why
from unhurried.cache.reading import warm

from .pages import DJANGO, OURS, site_with

pytestmark = pytest.mark.django_db(transaction=True)
ran: list[str] = []


@cached_page(600)
def page(request: HttpRequest) -> HttpResponse:
    ran.append(request.path)
    return HttpResponse(f"{len(ran)} {translation.get_language()}")


@cached(600, key="httplog.top")
def top() -> int:
    return 1


def part(request: HttpRequest) -> HttpResponse:
    source = "{% load unhurried %}{% cached 600 'greets' %}{{ user.username }}{% endcached %}"
    made = engines["django"].from_string(source).render({"user": request.user}, request)
    return HttpResponse(made)


urlpatterns: list[Any] = [
    path("part/", part),
    path("books/", page),
    *i18n_patterns(path("spoken/", page)),
]


@pytest.fixture(autouse=True, params=["inside", "first"])
def here(request: pytest.FixtureRequest) -> Iterator[None]:
    ran.clear()
    middleware = [*DJANGO, OURS] if request.param == "inside" else [OURS, *DJANGO]
    with (
        site_with(middleware, ALLOWED_HOSTS=["testserver"]),
        override_settings(ROOT_URLCONF=__name__),
    ):
        yield


@pytest.mark.parametrize(
    "url", ["/books/", "/app/books/", "http://testserver/app/books/"], ids=["rest", "all", "host"]
)
@pytest.mark.parametrize("script", ["/app", "/app/"])
def test_below_a_prefix_of_the_site_both_spellings_are_one(url: str, script: str) -> None:
    with override_settings(FORCE_SCRIPT_NAME=script), override_script_prefix("/app/"):
        client = Client()
        client.get("/books/")
        assert page.peek(url).state == "fresh"
        assert why(url).state == "fresh"
        page.invalidate(url)
        assert page.peek(url).state == "stale"
        assert client.get("/books/").content.startswith(b"2")
        page.refresh(url)
        [warmed] = warm([url])
        assert (warmed.state, warmed.why) == ("kept", "")
        assert client.get("/books/").content.startswith(b"4")
        assert ran == ["/app/books/"] * 4


def test_what_only_begins_like_the_prefix_is_no_part_of_it() -> None:
    with override_script_prefix("/boo/"):
        assert "/boo/books/" in page.key("/books/")
        assert page.key("/boo/") == page.key("/boo")


def test_a_path_says_its_language_whatever_is_on() -> None:
    client = Client()
    for language in ("de", "fr"):
        url = f"/{language}/spoken/"
        client.get(url)
        for active in ("en", "fr"):
            with translation.override(active):
                assert page.peek(url).state == "fresh"
                assert why(url).state == "fresh"
        page.refresh(url)
        assert client.get(url).content == f"{len(ran)} {language}".encode()
        [warmed] = warm([url])
        assert (warmed.state, warmed.why) == ("kept", "")
        assert client.get(url).content == f"{len(ran)} {language}".encode()
    assert len(ran) == 6


def test_a_request_for_no_host_of_ours_has_no_key() -> None:
    assert page.key(RequestFactory().get("/books/", HTTP_HOST="evil.example")) == ""


def test_a_name_that_begins_like_an_address_is_a_name() -> None:
    assert [each.state for each in warm([top.name])] == ["kept"]


def test_a_part_that_was_never_kept_is_no_page() -> None:
    client = Client()
    client.force_login(User.objects.create_user("jacob"))
    for _ in range(3):
        assert client.get("/part/").content == b"jacob"
    found = why("greets")
    assert found.kind == "fragment"
    assert "{% phased with user %}" in str(found)
    assert "cached_page" not in str(found)
