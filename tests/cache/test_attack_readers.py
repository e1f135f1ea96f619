"""What one reader can do to the others' pages by what he sends: nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.books.models import Book

from . import pages_site as site
from .pages import MIDDLE, MIDDLEWARE, client_of, site_with, status

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=sorted(MIDDLEWARE))
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    with site_with(MIDDLEWARE[request.param]):
        yield request.param


@pytest.fixture
def client(way: str) -> Client:
    return client_of(way)


@pytest.mark.parametrize("space", ["\xc2\xa0", "\xc2\x85", "\x1f", " "], ids=ascii)
def test_a_language_that_is_said_oddly_is_his_alone(client: Client, space: str) -> None:
    """Django strips the space, once it has read the header as UTF-8."""
    for _ in range(2):
        odd = client.get("/spoken/", HTTP_COOKIE=f"{space}django_language{space}=de")
        assert odd["Content-Language"] == "de"
        assert client.get("/spoken/")["Content-Language"] == "en"


def private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "private"
    return response


def as_it_is(response: HttpResponse) -> HttpResponse:
    return response


@pytest.mark.parametrize("cookie", ["sessionid=x", "csrftoken=old", "a=b"])
@pytest.mark.parametrize("url", ["/books/", "/late/"])
def test_what_a_middleware_says_to_one_reader_is_not_said_of_the_page(
    url: str, cookie: str
) -> None:
    """A session that is gone, say: its cookie is taken from him, and the page is kept by others."""
    neutral = {"NEUTRAL_MIDDLEWARE": [MIDDLE]}
    with site_with([*MIDDLEWARE["first"], MIDDLE], UNHURRIED=neutral):
        client, other = client_of("first"), client_of("first")
        book = Book.objects.create(title="One", author=site.author())
        client.get(url)
        assert status(client.get(url)) == "hit"
        Book.objects.filter(pk=book.pk).update(title="Two")
        site.told["middle"] = {"a=b": private}.get(cookie, as_it_is)
        odd = other.get(url, HTTP_COOKIE=cookie)
        assert status(odd) == "fwd=stale"
        assert "stored" not in odd["Cache-Status"]
        site.told.pop("middle")
        made = client.get(url)
        assert "stored" in made["Cache-Status"]
        assert b"Two" in made.content
        assert status(client.get(url)) == "hit"
