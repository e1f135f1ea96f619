"""What is kept of these reads is renewed when their tables are written, by these writes too."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone, translation

from tests.db.test_reads_edges import Data
from tests.queries.corpus.models import Author, Book, Country, Publisher, Tag
from unhurried.cache import cached
from unhurried.cache._units._unit import current
from unhurried.db import Update, bulk_copy, compiled, instances, json_bytes, rows, update_now
from unhurried.db.reading import ask_dba

from .shelf.models import Shelf

pytestmark = pytest.mark.django_db(transaction=True)
by_room = compiled(lambda room: Shelf.objects.filter(room=room).order_by("pk"))
empty = compiled(lambda room, n: Shelf.objects.filter(room=room).update(books=n))


@pytest.fixture(autouse=True)
def apart() -> Any:
    translation.deactivate()
    timezone.deactivate()
    current.set(None)
    place = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(uuid4())}
    with override_settings(CACHES={"default": place}):
        yield


READS: dict[str, Any] = {
    "instances": lambda: [each.books for each in instances(Shelf.objects.order_by("pk"))],
    "iterator": lambda: [each.books for each in instances(Shelf.objects.order_by("pk")).iterator()],
    "rows": lambda: [each.books for each in rows(Shelf.objects.order_by("pk"), Data)],
    "json": lambda: json_bytes(Shelf.objects.order_by("pk"), ["books"]).decode(),
    "compiled": lambda: [each.books for each in by_room("hall")],
}
WRITES: dict[str, Any] = {
    "bulk_copy": lambda: bulk_copy(Shelf, [("b", 2)], fields=["name", "books"]),
    "bulk_copy, update": lambda: bulk_copy(
        Shelf, [("a", 9)], fields=["name", "books"], conflict=Update(["books"], ["name"])
    ),
    "update_now": lambda: update_now(Shelf.objects.get(), books=7),
    "compiled update": lambda: empty("hall", 0),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_write_makes_it_old(read: Any, write: Any) -> None:
    Shelf.objects.create(name="a", books=1)
    kept = cached(600, key=str(uuid4()))(read)
    before = kept()
    assert kept() == before == read()
    write()
    assert kept() == read() != before


def test_the_tables_inside_json_are_known() -> None:
    country = Country.objects.create(name="x")
    author = Author.objects.create(name="x", country=country)
    publisher = Publisher.objects.create(name="x", country=country)
    book = Book.objects.create(title="x", year=1, author=author, publisher=publisher)
    book.tags.add(Tag.objects.create(name="x"))

    @cached(600, key=str(uuid4()))
    def kept() -> str:
        nested = {"tags": ["name"], "author": ["name", {"country": ["name"]}]}
        return json_bytes(Book.objects.all(), ["title"], nested=nested).decode()

    for model in (Tag, Country, Author):
        before = kept()
        model.objects.update(name=f"a {model.__name__}")
        assert kept() != before


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the questions are PostgreSQL's")
def test_asking_ten_questions_makes_nothing_old() -> None:
    Shelf.objects.create(name="a", books=1)
    ran = []

    @cached(600, key=str(uuid4()))
    def kept() -> int:
        ran.append(1)
        return Shelf.objects.count()

    kept()
    ask_dba("default")
    assert (kept(), kept(), len(ran)) == (1, 1, 1)
    Shelf.objects.create(name="b")
    assert (kept(), kept(), len(ran)) == (2, 2, 2)
