"""Verified means it ran: when a remedy is proven, and when nothing can be."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from tests.books.models import Author, Book
from unhurried.queries import count_queries
from unhurried.queries._prove import _fetches
from unhurried.queries._prove._fetches import counted
from unhurried.queries._prove._proof import Proof, Seen, complaint
from unhurried.queries._prove._sandbox import sandbox
from unhurried.queries.reading import Finding, prove


@pytest.fixture(autouse=True)
def shelf(db: None) -> None:
    for number in range(4):
        author = Author.objects.create(name=f"author {number}")
        Book.objects.create(title=f"book {number}", author=author)


def proven(run: Callable[[], str]) -> list[Finding]:
    with sandbox(), count_queries() as queries:
        run()
    return prove(run, queries.findings)


def names() -> str:
    return ",".join(book.author.name for book in Book.objects.order_by("pk"))


def test_a_remedy_that_holds_is_verified():
    [finding] = proven(names)
    assert (finding.verified, finding.why, finding.queries_after) == ("yes", "", 1)
    assert '+    return ",".join(book.author.name for book in Book' in finding.diff
    assert str(finding).endswith("[VERIFIED]")


def by_chance() -> str:
    return ",".join(book.author.name for book in Book.objects.order_by("?"))


def shuffled() -> str:
    books = list(Book.objects.order_by("pk"))
    random.shuffle(books)
    return ",".join(f"{book.author.name} {random.random()}" for book in books)


def numbered(calls: list[int] = []) -> str:  # noqa: B006 - what it counts outlives a call
    calls.append(1)
    return f"{len(calls)}: {names()}"


@pytest.mark.parametrize("run", [by_chance, shuffled, numbered], ids=lambda run: run.__name__)
def test_an_unstable_page_proves_nothing(run):
    for _ in range(5):
        [finding] = proven(run)
        assert finding.verified == "no"
        assert "differs from itself" in finding.why or "by chance" in finding.why


def test_rows_that_come_by_chance_are_told_from_the_statement():
    def lucky() -> str:
        books = sorted(Book.objects.order_by("?"), key=lambda book: book.pk)
        return ",".join(book.author.name for book in books)

    [finding] = proven(lucky)
    assert (finding.verified, finding.why) == ("no", "its rows come in an order by chance")


def test_what_the_page_would_say_otherwise_is_shown():
    def looks() -> str:
        books = Book.objects.order_by("pk")
        said = [f"{'author' in book._state.fields_cache} {book.author.name}" for book in books]
        return "\n".join(said)

    [finding] = proven(looks)
    assert finding.verified == "no"
    assert finding.why.startswith("the page would differ: line 1 reads 'True author 0'")


def test_what_it_would_write_otherwise_counts_too():
    def unseen() -> str:
        Book.objects.update(author=Author.objects.first())
        for book in Book.objects.order_by("pk"):
            author = book.author
            author.name += "!"
            author.save()
        return "done"

    found = {finding.relation: finding for finding in proven(unseen)}
    assert found["books.Book.author"].verified == "no"
    assert found["books.Book.author"].why == "it would write something else"
    assert not Author.objects.filter(name__endswith="!").exists()


def test_a_page_that_writes_the_time_can_be_proven():
    def stamped() -> str:
        Author.objects.filter(pk=1).update(name=str(timezone.now()))
        return names()[10:]

    [finding] = proven(stamped)
    assert finding.verified == "yes"
    assert Author.objects.filter(name="author 0").exists()


def test_a_remedy_that_multiplies_rows_is_refused():
    for number in range(40):
        Book.objects.create(title=f"more {number}", author=Author.objects.get(name="author 3"))

    def first_of_each() -> str:
        authors = Author.objects.order_by("pk")
        return ",".join(str(author.book_set.all()[:1][0]) for author in authors)

    [finding] = proven(first_of_each)
    assert finding.verified == "no"
    assert "times the rows" in finding.why


def test_a_remedy_that_breaks_the_page_is_refused():
    def only() -> str:
        for book in Book.objects.order_by("pk").only("title"):
            book.author  # noqa: B018
        return "done"

    for finding in proven(only):
        assert finding.verified in ("no", "untried")


def test_two_places_need_a_url():
    def counted() -> str:
        return ",".join(str(author.book_set.count()) for author in Author.objects.order_by("pk"))

    [finding] = proven(counted)
    assert finding.verified == "untried"
    assert finding.why == "a remedy of two places is tried out by diagnose --url alone"
    assert 'annotate(book_set_count=Count("book", distinct=True))' in finding.diff


def test_what_cannot_be_edited_says_why():
    def twice() -> str:
        return f"{[Author.objects.count() for _ in range(2)]}"

    [finding] = proven(twice)
    assert (finding.verified, finding.diff) == ("untried", "")
    assert finding.why == "there is no mechanical edit for what is asked twice"


def test_nothing_of_it_stays():
    def writes() -> str:
        Author.objects.update(name=F("name"))
        Author.objects.create(name="new")
        return names()

    before = Author.objects.count()
    proven(writes)
    assert Author.objects.count() == before


@pytest.mark.parametrize(
    "table", ["books_author", '"books_author"', "main.books_author", 'main."books_author"']
)
def test_a_table_is_read_by_the_name_it_was_written_by(table):
    if connection.vendor != "sqlite":
        table = table.replace("main", "public")

    def run() -> str:
        with connection.cursor() as cursor:
            cursor.execute(f"/* ours */ UPDATE {table} SET name = name")
        return names()

    [finding] = proven(run)
    assert (finding.verified, finding.why) == ("yes", "")
    with sandbox(), counted() as fetches:
        run()
        assert fetches.state()
    assert not fetches.unread


def test_a_table_that_is_gone_again_ends_no_proof():
    def picks() -> str:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE picked (id integer)")
            cursor.execute("INSERT INTO picked VALUES (1)")
            cursor.execute("DROP TABLE picked")
        return names()

    [finding] = proven(picks)
    assert finding.verified == "yes"
    with sandbox(), counted() as fetches:
        picks()
        Author.objects.update(name=F("name"))
        assert fetches.state()
    assert fetches.unread.startswith("picked, which it writes to, can't be read: ")


def test_of_a_large_table_not_all_is_read(monkeypatch):
    monkeypatch.setattr(_fetches, "MOST", 3)
    with sandbox(), counted() as fetches:
        Author.objects.update(name=F("name"))
        rows = fetches.rows
        assert not fetches.state()
    assert fetches.rows == rows + 4
    assert fetches.unread == ('the table "books_author", which it writes to, is larger than 3 rows')


def test_writes_whose_state_is_not_known_are_untried():
    def saves() -> str:
        for author in Author.objects.order_by("pk"):
            author.name = "x"
            author.save()
        return "done"

    with count_queries() as queries:
        saves()
    seen = Seen(b"done", queries=5, rows=4, bytes=9, unread="the table is too large")
    after = Seen(b"done", queries=2, rows=4, bytes=9)
    [finding] = Proof(lambda injections: seen, lambda files: after).of(queries.findings)
    assert (finding.verified, finding.why) == ("untried", "the table is too large")


BEFORE = Seen(b"a\nb", queries=10, rows=10, bytes=100)


@pytest.mark.parametrize(
    ("after", "how", "why"),
    [
        ({"queries": 1}, {}, ""),
        ({"queries": 1, "rows": 20, "bytes": 200}, {}, ""),
        ({}, {}, "it sends the same number of queries, 10"),
        ({"queries": 11}, {}, "it sends 11 queries instead of 10"),
        ({"queries": 1, "rows": 30}, {}, "it fetches 3.0 times the rows: 30 instead of 10"),
        ({"queries": 1, "bytes": 250}, {}, "it fetches 2.5 times the bytes: 250 instead of 100"),
        ({"queries": 1, "status": 404}, {}, "the page would answer 404 instead of 200"),
        ({"queries": 1, "body": b"a\nc"}, {}, "the page would differ: line 2 reads 'c' instead"),
        ({"queries": 1, "writes": "x"}, {}, "it would write something else"),
        ({"queries": 1, "writes": "x"}, {"written": True}, ""),
        ({"queries": 1, "state": "x"}, {"written": True}, "it would write something else"),
        ({}, {"fewer": False}, "it fetches no less"),
        ({"bytes": 90}, {"fewer": False}, ""),
    ],
    ids=range(13),
)
def test_what_is_no_proof(after: dict[str, Any], how: dict[str, Any], why: str):
    values = {name: getattr(BEFORE, name) for name in Seen.__slots__}  # type: ignore[attr-defined]
    said = complaint(BEFORE, Seen(**{**values, **after}), **how)
    assert said.startswith(why)
    assert bool(said) == bool(why)
