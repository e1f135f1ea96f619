"""Slides 48 to 53, rule 5: the shop's books, by the roads of the database that it has."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, models, transaction
from django.db.models import Max
from django.db.models.fields.json import KT
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import path

from tests.books.models import Author, Book, Shop, Stock
from tests.pages.models import Pin
from unhurried import testing
from unhurried.cache import cached_page
from unhurried.db import (
    SQLManager,
    bulk_copy,
    compiled,
    instances,
    json_bytes,
    rows,
    update_now,
)
from unhurried.queries import count_queries

ran: list[str] = []


class BookManager(models.Manager):
    """The one of the slide."""

    def inventory(self, shop):  # type: ignore[no-untyped-def]
        return self.raw(
            "SELECT b.id, b.title, b.author_id, s.copies FROM books_book b "
            "JOIN books_stock s ON s.book_id = b.id WHERE s.shop_id = %s ORDER BY b.title",
            [shop],
        )


class ShopBook(Book):
    objects = BookManager()

    class Meta:
        app_label = "books"
        proxy = True


@dataclass
class Copies:
    title: str
    copies: int


class FileManager(SQLManager):
    """The same question, in a file of its own."""

    sql = "books/sql/book.sql"


class FileBook(Book):
    objects = FileManager()

    class Meta:
        app_label = "books"
        proxy = True


@cached_page(600)
def report(request: HttpRequest, shop: int) -> HttpResponse:
    ran.append("report")
    return HttpResponse(
        "; ".join(f"{b.title}: {b.copies}" for b in FileBook.objects.inventory(shop))
    )


@cached_page(600)
def inventory(request: HttpRequest, shop: int) -> HttpResponse:
    ran.append("inventory")
    said = [f"{book.title}: {book.copies}" for book in ShopBook.objects.inventory(shop)]
    return HttpResponse("; ".join(said))


urlpatterns = [path("inventory/<int:shop>/", inventory), path("report/<int:shop>/", report)]


@pytest.fixture
def shops(db: None) -> list[Shop]:
    """Three, each with the same three books, of which they have 0, 1, 2; 3, 4, 5; 6, 7, 8."""
    authors = [Author.objects.create(name=name) for name in ("Ann", "Bob", "Cid")]
    books = [Book.objects.create(title=f"By {a.name}", author=a) for a in authors]
    made = [Shop.objects.create(name=name) for name in ("harbour", "station", "market")]
    for place, shop in enumerate(made):
        for n, book in enumerate(books):
            Stock.objects.create(shop=shop, book=book, copies=3 * place + n)
    return made


def line_of(function: Callable[..., Any], offset: int) -> str:
    return f"tests/test_slides_db.py:{function.__code__.co_firstlineno + offset}"


def columns(found: Any) -> list[dict[str, Any]]:
    return [{k: v for k, v in vars(each).items() if k != "_state"} for each in found]


def test_48_a_queryset_is_built_and_compiled_once(shops: list[Shop]) -> None:
    built: list[Any] = []

    def by(name: Any) -> Any:
        built.append(name)
        return Book.objects.filter(author__name=name).select_related("author")

    books_by = compiled(by)
    with testing.override(STRICT=False):
        assert [book.author.name for book in books_by("Ann")] == ["Ann"]
        before = len(built)
        with count_queries() as queries:
            found = {name: columns(books_by(name)) for name in ("Ann", "Bob", "Cid", "Nobody")}
    assert (queries.total, len(built)) == (4, before)
    for name, books in found.items():
        assert [each["title"] for each in books] == [b.title for b in by(name)]


@contextmanager
def calls_of(function: Any) -> Iterator[list[str]]:
    """An entry for each call of it in this thread."""
    seen: list[str] = []

    def look(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code is function.__code__:
            seen.append(event)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield seen
    finally:
        sys.setprofile(before)


def test_48_instances_are_what_the_orm_makes(shops: list[Shop]) -> None:
    asked = Stock.objects.select_related("book__author").order_by("pk")
    with count_queries() as queries, calls_of(models.Model.__init__) as made:
        found = list(instances(asked))
        authors = [stock.book.author.name for stock in found]
    assert (queries.total, len(found), len(made)) == (1, 9, 0)
    assert (found, authors) == (list(asked), ["Ann", "Bob", "Cid"] * 3)
    assert all(type(stock) is Stock and not stock._state.adding for stock in found)
    with calls_of(models.Model.__init__) as made:
        list(asked.all())
    assert len(made) == 3 * 9


def test_48_one_field_is_one_statement_that_writes_no_other(shops: list[Shop]) -> None:
    """``save()`` writes back what it has read, old as it may be."""
    saved, updated = Stock.objects.order_by("pk")[:2]
    Stock.objects.update(shop=shops[2])
    with CaptureQueriesContext(connection) as asked:
        update_now(updated, copies=40)
        saved.copies = 40
        saved.save()
    one, all_ = (query["sql"] for query in asked)
    assert ("shop_id" in one, "shop_id" in all_) == (False, True)
    assert (updated.copies, Stock.objects.filter(copies=40).count()) == (40, 2)
    kept = Stock.objects.filter(pk__in=[saved.pk, updated.pk]).order_by("pk")
    assert [stock.shop for stock in kept] == [shops[0], shops[2]]


def by_loop(titles: list[str], author: Author) -> None:
    for title in titles:
        Book.objects.create(title=title, author=author)


def by_transaction(titles: list[str], author: Author) -> None:
    with transaction.atomic():
        by_loop(titles, author)


def by_bulk_create(titles: list[str], author: Author) -> None:
    Book.objects.bulk_create([Book(title=title, author=author) for title in titles])


def by_copy(titles: list[str], author: Author) -> None:
    bulk_copy(Book, ((title, author) for title in titles), fields=["title", "author"])


@pytest.mark.django_db(transaction=True)
def test_49_the_four_steps_store_the_same_rows() -> None:
    author = Author.objects.create(name="Ann")
    titles = [f"{n} \\ \t \N{SNOWMAN} 'quoted' \\N" for n in range(50)]
    stored, statements = [], []
    for step in (by_loop, by_transaction, by_bulk_create, by_copy):
        with CaptureQueriesContext(connection) as asked:
            step(titles, author)
        statements.append(sum("INSERT" in query["sql"] for query in asked))
        stored.append(list(Book.objects.order_by("pk").values_list("title", "author_id")))
        Book.objects.all().delete()
    assert stored == [[(title, author.pk) for title in titles]] * 4
    assert statements[:3] == [50, 50, 1]
    assert statements[3] == (connection.vendor == "sqlite")  # COPY is no INSERT


def test_50_the_manager_runs_as_it_is_written(shops: list[Shop]) -> None:
    with count_queries() as queries:
        found = [(book.title, book.copies) for book in ShopBook.objects.inventory(shops[1].pk)]
    assert found == [("By Ann", 3), ("By Bob", 4), ("By Cid", 5)]
    assert queries.total == 1
    assert ShopBook.objects.filter(title="By Ann").count() == 1


def copies_of_all(shops: list[Shop]) -> int:
    total = 0
    for shop in shops:
        total += sum(book.copies for book in ShopBook.objects.inventory(shop.pk))
    return total


def authors_of_one(shop: Shop) -> list[str]:
    return [book.author.name for book in ShopBook.objects.inventory(shop.pk)]


def test_51_it_is_counted_and_named_by_its_line(shops: list[Shop]) -> None:
    with count_queries() as queries:
        assert copies_of_all(shops) == 36
    [repeated] = queries.findings
    assert (queries.total, repeated.count, repeated.loop) == (3, 3, line_of(copies_of_all, 3))
    with count_queries() as queries:
        assert authors_of_one(shops[0]) == ["Ann", "Bob", "Cid"]
    [asked] = queries.findings
    assert (queries.total, asked.count, asked.kind) == (4, 3, "n+1")
    assert asked.loop == line_of(authors_of_one, 1)


@pytest.fixture
def site(settings: Any) -> Iterator[None]:
    """With a cache of its own."""
    ran.clear()
    cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(uuid4())}
    with override_settings(ROOT_URLCONF=__name__, CACHES={"default": cache}), testing.override():
        yield


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", ["inventory", "report"])
def test_52_a_page_that_is_kept_knows_what_it_has_read(
    site: None, client: Client, page: str
) -> None:
    author = Author.objects.create(name="Ann")
    book, shop = Book.objects.create(title="A", author=author), Shop.objects.create(name="harbour")
    stock = Stock.objects.create(book=book, shop=shop, copies=1)
    url = f"/{page}/{shop.pk}/"

    def said() -> tuple[str, int]:
        return client.get(url).content.decode(), len(ran)

    assert (said(), said()) == (("A: 1", 1), ("A: 1", 1))
    update_now(stock, copies=2)
    assert (said(), said()) == (("A: 2", 2), ("A: 2", 2))
    Book.objects.update(title="B")
    assert (said(), said()) == (("B: 2", 3), ("B: 2", 3))
    assert FileBook.objects.sell(shop.pk, "B", 2) == 1
    assert (said(), said()) == (("B: 0", 4), ("B: 0", 4))
    Author.objects.update(name="Bob")  # which it has not read
    assert said() == ("B: 0", 4)


def test_52_a_file_of_sql_becomes_typed_methods(shops: list[Shop]) -> None:
    objects = FileBook.objects
    with count_queries() as queries:
        assert objects.inventory(shops[1].pk, least=4) == [Copies("By Bob", 4), Copies("By Cid", 5)]
        assert objects.sell(shops[1].pk, "By Bob", copies=4) == 1
        assert objects.sell(shops[1].pk, "' OR title <> '", copies=0) == 0
        assert objects.inventory(shops[1].pk)[1] == Copies("By Bob", 0)
    assert queries.total == 4
    assert list(inspect.signature(objects.inventory).parameters) == ["shop", "least"]
    assert objects.inventory.__doc__ == "What a shop has."
    with pytest.raises(TypeError, match="shop"):
        objects.inventory()


@pytest.fixture
def pins(db: None) -> None:
    for title, attributes in (
        ("Harbour", {"place": "Oslo", "lens": {"mm": 35}}),
        ("Bridge", {"place": "Rome", "camera": "Quill 8", "colours": ["red", "blue"]}),
        ("Stairs", {}),
    ):
        Pin.objects.create(title=title, attributes=attributes)


def test_53_keys_of_documents_have_types_and_indexes(pins: None) -> None:
    """What PostgreSQL makes of them is in tests/services/test_schemaless.py."""
    with count_queries() as queries:
        assert [pin.title for pin in Pin.objects.filter(place="Oslo", mm__lte=35)] == ["Harbour"]
        assert Pin.objects.aggregate(most=Max("mm")) == {"most": 35}
    assert queries.total == 2
    if connection.vendor == "sqlite":
        plans = [Pin.objects.filter(**asked).explain() for asked in ({"place": "Oslo"}, {"mm": 35})]
        assert ["pages_pin_place" in plans[0], "pages_pin_mm" in plans[1]] == [True, True]


@dataclass
class Taken:
    title: str
    place: str | None
    camera: str | None


def test_53_json_is_built_in_the_database(pins: None) -> None:
    asked = Pin.objects.order_by("pk").annotate(camera=KT("attributes__camera"))
    with CaptureQueriesContext(connection) as queries:
        body = json_bytes(asked, ["title", "attributes", "camera"])
        read = list(rows(asked, Taken))
    assert len(queries) == 2
    assert "json" in queries[0]["sql"]
    assert json.loads(body) == list(asked.values("title", "attributes", "camera"))
    assert read[:2] == [Taken("Harbour", "Oslo", None), Taken("Bridge", "Rome", "Quill 8")]
