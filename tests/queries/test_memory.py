"""A request of very many queries costs little memory, and is still told of.

The statements are answered by an execute wrapper below the tap: what is weighed is what we keep.
Here every bound is a fifth of itself, and passed; tests/services/test_memory_services.py passes the
true ones with 100,000.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from tests.books.models import Author, Book
from unhurried.measure import measured
from unhurried.measure import reading as measure
from unhurried.queries import count_queries
from unhurried.queries._find import _counting

pytestmark = [pytest.mark.django_db, pytest.mark.long]
MANY = 4_000
MB = 1 << 20
BLOCK_MB, RECORD_MB = 20, 8
SHARE, NEARER_MB = 5, 8  # 4 are held; without the bounds it is 17
Asking = Callable[[Any, int], None]


@contextmanager
def answered() -> Iterator[Any]:
    """A cursor whose statements come back at once."""

    def answer(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> None:
        return None

    with connection.cursor() as cursor, connection.execute_wrapper(answer):
        yield cursor


@contextmanager
def weighed() -> Iterator[dict[str, float]]:
    """The most that was held at once, in MB, of what was made inside."""
    found: dict[str, float] = {}
    gc.collect()
    tracemalloc.start()
    try:
        yield found
        found["peak"] = tracemalloc.get_traced_memory()[1] / MB
    finally:
        tracemalloc.stop()


def parameters(cursor: Any, many: int) -> None:
    for n in range(many):
        cursor.execute("SELECT name FROM books_author WHERE id = %s", [n])


def texts(cursor: Any, many: int) -> None:
    """No two alike, and nothing a fingerprint could take away."""
    for n in range(many):
        cursor.execute(f"SELECT name AS n{n} FROM books_author WHERE id = %s", [n])


def long_texts(cursor: Any, many: int) -> None:
    """Lists of ever another length, as a site with filter(pk__in=...) has them: 5 KB each."""
    for n in range(many // 20):
        marks = ", ".join(["%s"] * (1_000 + n % 1_000))
        cursor.execute(f"SELECT name FROM books_author WHERE id IN ({marks}) LIMIT {n}", [])


ASKING = [parameters, texts, long_texts]
ask = pytest.mark.parametrize("asking", ASKING, ids=[asking.__name__ for asking in ASKING])


def loop(books: Any) -> None:
    for book in books:
        str(book.author)


@pytest.fixture
def books() -> None:
    authors = [Author.objects.create(name=f"author {i}") for i in range(3)]
    Book.objects.bulk_create(Book(title="book", author=authors[i % 3]) for i in range(6))


@pytest.fixture
def nearer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A share of each bound: most of the time goes into reading texts no two of which are alike."""
    for name in ("DISTINCT", "GROUPS", "TEXTS"):
        monkeypatch.setattr(_counting, name, getattr(_counting, name) // SHARE)


def weigh_block(asking: Asking, many: int, most: float = BLOCK_MB) -> str:
    """Also what comes after all those is found, and a repeat of what came before them."""
    with count_queries() as queries, weighed() as found:
        Author.objects.count()
        loop(Book.objects.all())
        with answered() as cursor:
            asking(cursor, many)
        Author.objects.count()
        loop(Book.objects.all())
        told = queries.findings
    assert [f.count for f in told if f.relation == "books.Book.author"] == [6, 6]
    assert queries.duplicates >= 1
    assert found["peak"] < most
    return f"{queries.total} queries: {found['peak']:.1f} MB"


def weigh_record(asking: Asking, many: int) -> str:
    with weighed() as found, answered() as cursor, measured("many"):
        asking(cursor, many)
        record = measure.current.get()
    assert record is not None
    assert record.queries == sum(seen.count for seen in record.statements.values())
    assert len(record.statements) <= 501
    assert found["peak"] < RECORD_MB
    return f"{record.queries} queries: {found['peak']:.1f} MB"


@ask
def test_a_block_keeps_little_and_still_finds(
    asking: Asking, books: None, nearer: None, record_property: Callable[[str, object], None]
) -> None:
    assert 1.5 * max(_counting.DISTINCT, _counting.GROUPS, _counting.TEXTS) < MANY
    record_property("figures", weigh_block(asking, MANY, NEARER_MB))


@ask
def test_a_unit_of_work_remembers_little(
    asking: Asking, store: Any, record_property: Callable[[str, object], None]
) -> None:
    record_property("figures", weigh_record(asking, MANY))
