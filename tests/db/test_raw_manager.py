"""The talk's own manager, and one of a file: counted, named by their line, kept and renewed."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import isolate_apps, override_settings
from django.urls import path

from tests.books.models import Author, Book
from unhurried import testing
from unhurried.cache import cached_page
from unhurried.db import SQLManager
from unhurried.queries import count_queries

pytestmark = pytest.mark.django_db(transaction=True)
ran: list[str] = []


class BookManager(models.Manager[Any]):
    """Slide 51: here a shop is an author."""

    def inventory(self, shop):  # type: ignore[no-untyped-def]
        return self.raw(
            "SELECT b.* FROM books_book b JOIN books_author s ON s.id = b.author_id"
            " WHERE s.id = %s ORDER BY b.id",
            [shop],
        )


def manager(kind: Any) -> Any:
    made = kind()
    made.model = Book
    return made


def of_a_file(folder: Path) -> Any:
    (folder / "book.sql").write_text(
        "-- name: inventory(shop: int) -> list[Book]\n"
        "SELECT b.* FROM books_book b JOIN books_author s ON s.id = b.author_id\n"
        "WHERE s.id = :shop ORDER BY b.id"
    )
    kind = type("FileManager", (SQLManager,), {"sql": folder / "book.sql", "__module__": __name__})
    return manager(kind)


@pytest.fixture(params=["raw", "file"])
def books(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return manager(BookManager) if request.param == "raw" else of_a_file(tmp_path)


@pytest.fixture
def shop() -> Author:
    made = Author.objects.create(name="Powell's")
    other = Author.objects.create(name="Strand")
    for title, author in (("Scaling", made), ("Django", made), ("Other", other)):
        Book.objects.create(title=title, author=author)
    return made


@pytest.fixture
def kept(books: Any) -> Iterator[Any]:
    """A page of it, in a site with a cache of its own."""

    @cached_page(600)
    def inventory(request: HttpRequest, shop: int) -> HttpResponse:
        ran.append("inventory")
        return HttpResponse(", ".join(book.title for book in books.inventory(shop)))

    urls: Any = type("urls", (), {"urlpatterns": [path("<int:shop>/", inventory)]})
    cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(uuid4())}
    ran.clear()
    with override_settings(ROOT_URLCONF=urls, CACHES={"default": cache}), testing.override():
        yield inventory


def test_it_gives_books(books: Any, shop: Author) -> None:
    found = list(books.inventory(shop.pk))
    assert [(type(book), book.title, book.author_id) for book in found] == [
        *((Book, "Scaling", shop.pk), (Book, "Django", shop.pk))
    ]


def test_it_is_counted_and_named_by_its_line(books: Any, shop: Author) -> None:
    with count_queries() as queries:
        for _ in range(5):
            list(books.inventory(shop.pk))
    [found] = queries.findings
    line = inspect.getsourcelines(test_it_is_counted_and_named_by_its_line)[1] + 3
    assert (queries.total, found.count) == (5, 5)
    assert found.loop == f"tests/db/test_raw_manager.py:{line}"


def test_a_kept_page_is_renewed(client: Client, kept: Any, shop: Author) -> None:
    url = f"/{shop.pk}/"

    def body() -> str:
        return client.get(url).content.decode()

    assert [body(), body()] == ["Scaling, Django"] * 2
    assert ran == ["inventory"]
    Book.objects.filter(title="Django").update(title="Django 7")
    assert [body(), body()] == ["Scaling, Django 7"] * 2
    shop.delete()
    assert body() == ""
    assert len(ran) == 3


def test_a_write_of_a_file_renews_it(
    client: Client, kept: Any, shop: Author, tmp_path: Path
) -> None:
    (tmp_path / "write.sql").write_text(
        "-- name: rename(old: str, new: str) -> rowcount\n"
        "UPDATE books_book SET title = :new WHERE title = :old"
    )
    writer: Any = type("Writer", (SQLManager,), {"sql": tmp_path / "write.sql"})
    assert client.get(f"/{shop.pk}/").content == b"Scaling, Django"
    assert manager(writer).rename("Django", new="Flask") == 1
    assert client.get(f"/{shop.pk}/").content == b"Scaling, Flask"


@isolate_apps("tests.books")
def test_it_may_be_a_models_own(shop: Author, tmp_path: Path) -> None:
    class Volume(models.Model):
        title = models.CharField(max_length=100)
        objects = BookManager()
        files: Any = type(of_a_file(tmp_path))()

        class Meta:
            app_label = "books"
            db_table = "books_book"

        def __str__(self) -> str:
            return self.title

    assert [volume.title for volume in Volume.objects.inventory(shop.pk)] == ["Scaling", "Django"]
    assert [volume.title for volume in Volume.files.inventory(shop.pk)] == ["Scaling", "Django"]
