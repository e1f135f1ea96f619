"""``count_queries``: what a block asked, and what is told of it."""

from __future__ import annotations

import asyncio
import json
import pickle
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import DatabaseError, connection, transaction
from django.db.models import IntegerChoices, QuerySet
from django.db.models.signals import post_save
from django.test import Client
from django.utils.safestring import SafeString

from tests.books.models import Author, Book
from unhurried.measure import reading as measure
from unhurried.queries import count_queries
from unhurried.queries._find._plain import digest
from unhurried.queries._sql._reads import is_read

pytestmark = pytest.mark.django_db


@pytest.fixture
def books() -> list[Book]:
    authors = [Author.objects.create(name=f"author {i}") for i in range(3)]
    return [Book.objects.create(title=f"book {i}", author=authors[i % 3]) for i in range(6)]


def test_a_loop_is_one_finding_with_its_lines(books):
    with count_queries() as queries:
        for book in Book.objects.all():
            str(book.author)
    (finding,) = queries.findings
    assert queries.total == 7
    assert finding.kind == "n+1"
    assert finding.relation == "books.Book.author"
    assert finding.path == "author"
    assert finding.count == finding.instances == 6
    assert finding.remedy == '.select_related("author")'
    assert finding.fixable
    assert finding.verified == "untried"
    assert finding.loop.startswith("tests/queries/test_counting.py:")
    assert int(finding.loop.rpartition(":")[2]) == int(finding.origin.rpartition(":")[2]) + 1


def test_a_row_left_over_from_another_loop_is_not_what_a_key_is_of(books):
    authors = list(Author.objects.values_list("pk", flat=True))
    with count_queries() as queries:
        for some in (Book.objects.all()[:2], Book.objects.all()[2:3]):
            for book in some:
                assert book.title
            for pk in authors:  # among them the author of ``book``, by chance
                Author.objects.get(pk=pk)
    (finding,) = queries.findings
    assert (finding.relation, finding.path, finding.origin) == (None, None, None)
    assert finding.count == 6
    assert "in_bulk" in finding.remedy


def test_a_finding_reads_as_one_line_and_as_json(books):
    with count_queries() as queries:
        for book in Book.objects.all():
            str(book.author)
    (finding,) = queries.findings
    assert "\n" not in str(finding)
    assert all(part in str(finding) for part in ("6 queries", finding.loop, finding.origin))
    told = json.loads(json.dumps(finding.as_dict()))
    assert told["relation"] == "books.Book.author"
    assert not told.keys() & {"injection", "source", "group"}


def test_what_is_not_a_query_is_counted_apart(books):
    with count_queries() as queries, transaction.atomic():
        Book.objects.count()
    assert (queries.total, queries.control) == (1, 2)  # SAVEPOINT, RELEASE


def test_executemany_is_one_round_trip_with_its_rows(books):
    with count_queries() as queries, connection.cursor() as cursor:
        rows = [("a",), ("b",), ("c",)]
        cursor.executemany("INSERT INTO books_author (name) VALUES (%s)", rows)
    (statement,) = queries.statements
    assert queries.total == statement.count == 1
    assert statement.rows == 3
    assert queries.findings == []


def test_statements_come_slowest_first_with_their_lines(books):
    with count_queries() as queries:
        list(Book.objects.all())
        for pk in (1, 2):
            Author.objects.filter(pk=pk).first()
    assert sorted(statement.count for statement in queries.statements) == [1, 2]
    seconds = [statement.seconds + statement.fetch for statement in queries.statements]
    assert seconds == sorted(seconds, reverse=True)
    assert all(len(statement.lines) == 1 for statement in queries.statements)
    assert 0 < queries.floor <= queries.seconds


def test_fetching_is_told_apart_where_it_is_the_work(books):
    """SQLite steps through its rows as they are fetched, measured or not."""
    many = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 20000)"
    with count_queries() as queries, connection.cursor() as cursor:
        cursor.execute(f"{many} SELECT x FROM c")
        cursor.fetchmany(10_000)
        with count_queries() as inner:
            list(Book.objects.all())
        assert inner.statements[0].fetch > 0
        assert all(statement.fetch > 0 for statement in queries.statements)
    assert measure.fetched == []


def written_one_by_one() -> list[str]:
    """The remedies of creating, and of saving, row by row."""
    Author.objects.all().delete()
    with count_queries() as queries:
        for n in range(6):
            Author.objects.create(name=f"new {n}")
        for author in Author.objects.all():
            author.name += "!"
            author.save()
        for n in range(6):
            Author.objects.update_or_create(name=f"other {n}")
    return sorted(each.remedy for each in queries.findings if "bulk_" in each.remedy)


def test_a_bulk_write_says_what_it_leaves_out_where_that_matters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = written_one_by_one()
    assert plain == [
        "bulk_create(rows, update_conflicts=True, ...) once",
        "change the rows in the loop, then bulk_update(rows, [...]) once",
        "collect the rows in the loop, then bulk_create(rows) once",
    ]
    told = [f"{remedy} (no save(), no signals)" for remedy in plain]

    def listen(**kwargs: object) -> None:
        """As a history does."""

    post_save.connect(listen, sender=Author)
    try:
        assert written_one_by_one() == told
    finally:
        post_save.disconnect(listen, sender=Author)
    assert written_one_by_one() == plain

    def save(self: Author, *args: Any, **kwargs: Any) -> None:
        """As a tree does."""
        super(Author, self).save(*args, **kwargs)

    monkeypatch.setattr(Author, "save", save)
    found = written_one_by_one()  # all of it by one line, that of this save()
    assert found
    assert set(found) <= set(told)


def test_duplicates_are_what_was_asked_before_with_no_write_in_between(books):
    with count_queries() as queries:
        Author.objects.get(pk=1)
        Author.objects.get(pk=1)
        Author.objects.create(name="new")
        Author.objects.get(pk=1)
    assert queries.duplicates == 1
    assert [finding.kind for finding in queries.findings] == ["duplicate"]


def test_blocks_nest_and_each_counts_its_own(books):
    with count_queries() as outer:
        Book.objects.count()
        with count_queries() as inner:
            Book.objects.count()
        Book.objects.count()
    assert (outer.total, inner.total) == (3, 1)


def test_it_can_be_read_inside_the_block_and_counts_no_more_after_it(books):
    with count_queries() as queries:
        Book.objects.count()
        assert queries.total == 1
    Book.objects.count()
    assert queries.total == 1
    assert measure.observers == []


def test_untracked_it_wraps_nothing_and_knows_no_origin(books):
    original = QuerySet.__init__
    with count_queries(track=False) as queries:
        assert QuerySet.__init__ is original
        for book in Book.objects.all():
            str(book.author)
    (finding,) = queries.findings
    assert finding.relation == "books.Book.author"
    assert finding.origin is None
    assert not finding.fixable


def test_two_requests_may_each_ask_the_same(books):
    with count_queries() as queries:
        Client().get("/queries/1/")
        Client().get("/queries/1/")
    assert queries.total == 2
    assert queries.findings == []


def test_each_of_two_tasks_counts_its_own(books):
    async def ask(times: int) -> int:
        with count_queries() as queries:
            for _ in range(times):
                await Book.objects.acount()
                await asyncio.sleep(0)
        return queries.total

    async def both() -> list[int]:
        return await asyncio.gather(ask(2), ask(5))

    assert async_to_sync(both)() == [2, 5]


def test_threads_of_sync_to_async_are_part_of_the_block(books):
    async def ask() -> int:
        with count_queries() as queries:
            await sync_to_async(Book.objects.count)()
        return queries.total

    assert async_to_sync(ask)() == 1


def test_instances_made_inside_pickle_and_copy_as_ever(books):
    with count_queries():
        tracked = Book.objects.select_related("author").get(title="book 1")
        author = Author.objects.prefetch_related("book_set").get(pk=tracked.author_id)
    for copy in (pickle.loads(pickle.dumps(tracked)), deepcopy(tracked)):
        assert copy == tracked
        assert type(copy._state.fields_cache) is dict
    copy = pickle.loads(pickle.dumps(author))
    with count_queries() as queries:
        assert len(copy.book_set.all()) == 2
    assert queries.total == 0


def test_a_queryset_made_inside_may_be_used_outside(books):
    with count_queries():
        made = Book.objects.order_by("pk")
    assert [book.title for book in made][:2] == ["book 0", "book 1"]


def test_a_statement_that_fails_is_counted_and_raises(books):
    failing = pytest.raises(DatabaseError), transaction.atomic()
    with count_queries() as queries, connection.cursor() as cursor, failing[0], failing[1]:
        cursor.execute("SELECT * FROM nowhere")
    assert queries.total == 1


@pytest.mark.parametrize("head", ["/* report */ ", "-- report\n  "])
def test_what_stands_before_the_first_word_makes_no_write(head, three_books):
    def ask(key: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"{head}SELECT name FROM books_author WHERE id = %s", [key])

    with count_queries() as queries:
        for book in three_books:
            ask(book.author_id)
    assert [finding.kind for finding in queries.findings] == ["n+1"]
    with count_queries() as queries:
        for _ in range(3):
            ask(three_books[0].author_id)
    assert [finding.kind for finding in queries.findings] == ["duplicate"]


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("SELECT 1", True),
        (" (/* a */ (SELECT 1) UNION (SELECT 2))", True),
        ("-- a\n# b\nWITH x AS (SELECT 1) SELECT 1", True),
        ("/* SELECT */ UPDATE a SET b = 1", False),
        ("/*! SELECT 1 */", False),
        ("-- SELECT", False),
        ("/* SELECT", False),
    ],
)
def test_which_statements_read(sql, reads):
    assert is_read(sql) is reads


def test_parameters_that_hash_alike_are_told_apart():
    class Level(IntegerChoices):
        NONE = -1

    values: list[Any] = [-1, -2, 1, True, 1.0, -1.0, -2.0, Decimal(1), Decimal(-1), Decimal(-2)]
    values += [timedelta(-1), timedelta(-2), "-1", "1", None, 0, False]
    assert len({digest([value]) for value in values}) == len(values)
    assert digest([Level.NONE]) == digest((-1,))
    assert digest([SafeString("a")]) == digest(["a"])


@pytest.mark.django_db
def test_minus_one_is_not_minus_two():
    with count_queries() as queries:
        for pk in (-1, -2):
            list(Book.objects.filter(pk=pk))
    assert [finding.kind for finding in queries.findings] == ["n+1"]
