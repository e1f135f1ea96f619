"""Slides 16 and 26 to 35, rule 2: the book shop, and a writer that knows of no cache."""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import StringIO
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import engines
from django.test import Client
from django.test.utils import override_settings
from django.urls import path
from django.utils import translation

from tests.books.models import Author, Book
from unhurried import testing
from unhurried.cache import cached, cached_page

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 10.0
LIST = "{% for book in books %}{{ book.title }} by {{ book.author.name }}. {% endfor %}"
ran: list[str] = []


def render(source: str, **context: Any) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(source).render(context))


@cached_page(600)
def book_list(request: HttpRequest) -> HttpResponse:
    """Slide 27, with one word changed."""
    ran.append("book_list")
    return render(LIST, books=Book.objects.select_related("author"))


def create_book(request: HttpRequest) -> HttpResponse:
    """Slide 29 without its last line."""
    Book.objects.create(title=request.POST["title"], author=Author.objects.get())
    return redirect("/books/")


@cached_page(600, on_change="serve")
def hot(request: HttpRequest) -> HttpResponse:
    ran.append("hot")
    return render(LIST, books=Book.objects.select_related("author"))


urlpatterns = [
    path("books/", book_list),
    path("books/create/", create_book),
    path("hot/", hot),
]


@pytest.fixture(autouse=True)
def site() -> Iterator[None]:
    """With a cache of its own."""
    ran.clear()
    translation.deactivate()
    cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(uuid4())}
    with override_settings(ROOT_URLCONF=__name__, CACHES={"default": cache}), testing.override():
        yield


@pytest.fixture
def author() -> Author:
    return Author.objects.create(name="Jacob")


def body(client: Client, url: str) -> str:
    return client.get(url).content.decode()


def test_27_the_page_is_computed_once(client: Client, author: Author) -> None:
    Book.objects.create(title="Scaling", author=author)
    assert [body(client, "/books/") for _ in range(3)] == ["Scaling by Jacob. "] * 3
    assert ran == ["book_list"]


def test_29_the_writer_has_no_cache_code(client: Client, author: Author) -> None:
    assert body(client, "/books/") == ""
    client.post("/books/create/", {"title": "Scaling"})
    assert body(client, "/books/") == "Scaling by Jacob. "
    assert body(Client(), "/books/") == "Scaling by Jacob. "


@pytest.mark.parametrize("change", ["rename", "bulk", "delete"])
def test_29_whatever_the_page_has_read(client: Client, author: Author, change: str) -> None:
    Book.objects.create(title="Scaling", author=author)
    body(client, "/books/")
    if change == "rename":
        Author.objects.update(name="Kaplan-Moss")
    elif change == "bulk":
        Book.objects.bulk_create([Book(title="More", author=author)])
    else:
        author.delete()
    assert body(client, "/books/") == "".join(
        f"{book.title} by {book.author.name}. " for book in Book.objects.all()
    )


def test_31_the_view_reads_from_the_cache_and_regenerates_what_is_old() -> None:
    author = Author.objects.create(name="jacob")

    @cached(600, key="username")
    def username(name: str) -> str:
        ran.append(name)
        return Author.objects.get(name=name).name.title()

    username.invalidate()
    assert username.key("jacob") == "username:jacob"
    assert [username("jacob") for _ in range(2)] == ["Jacob"] * 2
    author.save()
    assert username.peek("jacob").state == "stale"
    assert username("jacob") == "Jacob"
    assert ran == ["jacob", "jacob"]


def test_32_one_regenerates_while_the_others_are_served() -> None:
    begun, go_on = Event(), Event()
    go_on.set()

    @cached(600, key=f"hot-{uuid4()}")
    def titles() -> list[str]:
        begun.set()
        assert go_on.wait(PATIENCE)
        return [book.title for book in Book.objects.all()]

    author = Author.objects.create(name="Jacob")
    titles()
    Book.objects.create(title="Scaling", author=author)
    begun.clear()
    go_on.clear()
    found: list[list[str]] = []

    def read() -> None:
        found.append(titles())
        connection.connection.close()  # close() leaves those to databases in memory open
        connection.connection = None

    first = Thread(target=read)
    first.start()
    assert begun.wait(PATIENCE)
    assert titles() == []
    go_on.set()
    first.join(PATIENCE)
    assert found == [["Scaling"]]
    assert titles() == ["Scaling"]


def test_32_warm_fills_a_cold_cache(client: Client, author: Author) -> None:
    Book.objects.create(title="Scaling", author=author)
    out = StringIO()
    call_command("unhurried", "warm", stdout=out)
    assert "/books/" in out.getvalue()
    assert ran.count("book_list") == 1
    assert body(client, "/books/") == "Scaling by Jacob. "
    assert ran.count("book_list") == 1


def test_35_all_are_served_and_it_is_made_in_the_background(client: Client, author: Author) -> None:
    assert body(client, "/hot/") == ""
    Book.objects.create(title="Scaling", author=author)
    reader = Client()
    first = reader.get("/hot/")
    assert first.content == b""
    assert "hit" in first.headers["Cache-Status"]
    deadline = time.monotonic() + PATIENCE
    while body(reader, "/hot/") == "" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert body(reader, "/hot/") == "Scaling by Jacob. "


def test_35_but_who_has_written_sees_what_they_wrote(client: Client, author: Author) -> None:
    body(client, "/hot/")
    client.post("/books/create/", {"title": "Scaling"})
    assert body(client, "/hot/") == "Scaling by Jacob. "
