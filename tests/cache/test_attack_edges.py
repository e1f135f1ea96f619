"""What an edge is given to keep, and to whom it gives that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.test import Client, override_settings
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from tests.books.models import Author
from unhurried import testing
from unhurried.cache import cached_page, invalidate
from unhurried.cache._edges._sharing import withhold
from unhurried.cache._edges._surrogate_keys import label
from unhurried.cache._pages import _through

from .fragments_site import SETTINGS
from .pages import DJANGO, OURS, site_with

pytestmark = pytest.mark.django_db(transaction=True)
INSIDE, FIRST = [*DJANGO, OURS], [OURS, *DJANGO]
BOTH = pytest.mark.parametrize("middleware", [INSIDE, FIRST], ids=["inside", "first"])
EDGE = {"SURROGATES": ["127.0.0.1"], "EDGES": ["http://127.0.0.1:9"]}
ESI, SSI = {"Surrogate-Capability": 'v="ESI/1.0"'}, {"Surrogate-Capability": 'n="SSI/1.0"'}
LABELS = ("xkey", "Surrogate-Key", "Surrogate-Control")


def site(request: HttpRequest) -> HttpResponse:
    return HttpResponse("<html><body>for all</body></html>")


@csrf_exempt
def write(request: HttpRequest) -> HttpResponse:
    Author.objects.create(name="x")
    return HttpResponse("written")


@csrf_exempt
def forget(request: HttpRequest) -> HttpResponse:
    invalidate("something.by.name")
    return HttpResponse("forgotten")


@cached_page(600)
def greets(request: HttpRequest) -> HttpResponse:
    response = render(request, "phased.html")
    response["Last-Modified"] = "Mon, 01 Jan 2024 00:00:00 GMT"
    response["Expires"] = "Fri, 01 Jan 2100 00:00:00 GMT"
    return response


urlpatterns = [
    path("greets/", greets),
    path("write/", write),
    path("forget/", forget),
    path("page/", cached_page(600)(site)),
    path("json/", cached_page(600)(lambda request: JsonResponse({"for": "all"}))),
    path("unhurried/", include("unhurried.urls")),
]


@contextmanager
def edged(middleware: list[str], **settings: Any) -> Iterator[None]:
    with (
        site_with(middleware, UNHURRIED=EDGE),
        override_settings(ROOT_URLCONF=__name__, **settings),
    ):
        yield


@BOTH
@pytest.mark.parametrize("url", ["/page/", "/json/"])
def test_what_staff_are_told_is_kept_for_nobody(middleware: list[str], url: str) -> None:
    with edged(middleware):
        client = Client()
        client.force_login(User.objects.create_superuser("root"))
        for _ in range(2):
            told = client.get(url, headers=ESI)
            assert "key=" in told["Cache-Status"]
            assert "Server-Timing" in told.headers
            assert not [name for name in LABELS if told.has_header(name)]
            assert "private" in told["Cache-Control"]
            shared = Client().get(url, headers=ESI)
            assert all(shared.has_header(name) for name in LABELS)
            assert "key=" not in shared["Cache-Status"]
            assert "private" not in shared["Cache-Control"]


def test_what_is_kept_for_nobody_may_still_have_pieces() -> None:
    response = HttpResponse(headers={"Cache-Control": "public, max-age=60"})
    response["Surrogate-Control"] = 'content="ESI/1.0"'
    label(response, ["default:books_book"], 60)
    withhold(response)
    assert response["Surrogate-Control"] == 'content="ESI/1.0"'
    assert "private" in response["Cache-Control"]
    assert "public" not in response["Cache-Control"]
    assert not response.has_header("xkey")


@BOTH
@pytest.mark.parametrize("url", ["/write/", "/forget/"])
def test_who_has_written_goes_past_the_edge(
    middleware: list[str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where each page waits for its data: the edge does not, until its purge has come."""
    with edged(middleware):
        for old in ({"something"}, set()):
            monkeypatch.setattr(_through, "serving_old", old)
            assert "unhurried_wrote" in Client().post(url, headers=ESI).cookies
            assert "unhurried_wrote" not in Client().get(url, headers=ESI).cookies
        with testing.override(EDGES=[]):
            assert "unhurried_wrote" not in Client().post(url).cookies


@BOTH
def test_a_host_that_a_header_may_say_is_parted_by_it(middleware: list[str]) -> None:
    said = {"USE_X_FORWARDED_HOST": True, "USE_X_FORWARDED_PORT": True}
    said["SECURE_PROXY_SSL_HEADER"] = ("HTTP_X_SCHEME", "https")
    for settings, names in [({}, set()), (said, {"x-forwarded-host", "x-forwarded-port"})]:
        with edged(middleware, **settings):
            for _ in range(2):
                found = Client().get("/page/", headers=ESI)
                vary = {each.strip().lower() for each in found.get("Vary", "").split(",")}
                assert {each for each in vary if "forwarded" in each} == names
                assert ("x-scheme" in vary) is bool(names)


@BOTH
def test_a_date_of_the_view_says_nothing_of_the_pieces(middleware: list[str]) -> None:
    """It would be a 304 for whoever has logged in since, and leave the visitor's page on screen."""
    with edged(middleware, TEMPLATES=SETTINGS["TEMPLATES"]):
        client = Client()
        for name in ("", "jacob"):
            if name:
                client.force_login(User.objects.create_user(name))
            for _ in range(2):
                asked = {"If-Modified-Since": "Tue, 02 Jan 2024 00:00:00 GMT"}
                found = client.get("/greets/", headers=asked)
                assert name in found.content.decode()
                assert not found.has_header("Last-Modified")
                assert not found.has_header("Expires")
