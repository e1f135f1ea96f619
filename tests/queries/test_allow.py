"""Allowances: what they take, what they leave, and that none is left lying about."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.template import engines

from tests.books.models import Author, Book
from tests.queries.site import LIST
from unhurried import testing
from unhurried.measure import measured
from unhurried.queries import (
    QueryBudgetExceeded,
    QueryRefused,
    UnusedAllowance,
    allow_queries,
    count_queries,
    no_queries,
    query_budget,
)
from unhurried.queries._budget._allow import _is_at

pytestmark = pytest.mark.django_db
AUTHOR = "books.Book.author"
HERE = "tests/queries/test_allow.py"


def names(books: Any) -> list[str]:
    return [book.author.name for book in books]


def test_by_relation(three_books):
    with query_budget(1), allow_queries(relation=AUTHOR, reason="three of them"):
        names(Book.objects.all())
    loaded = list(Book.objects.all())
    with no_queries(), allow_queries(relation=AUTHOR):
        names(loaded)


@pytest.mark.parametrize(
    "given",
    [
        {"sql": 'FROM "books_author"'},
        {"sql": 'from "BOOKS_AUTHOR"'},
        {"line": HERE},
        {"line": "test_allow.py"},
        {"using": "default", "sql": "books_author"},
        {"relation": AUTHOR, "sql": "books_author", "line": HERE, "count": 3},
        {"count": 3},
    ],
)
def test_by_what_it_says_or_where_it_is(given, three_books):
    with no_queries(), allow_queries(**given):
        names(three_books_again(three_books))


def three_books_again(books: list[Book]) -> list[Book]:
    for book in books:
        del book._state.fields_cache["author"]
    return books


def test_by_a_templates_line(three_books):
    template = engines["django"].from_string("{# 1 #}\n" + LIST)
    loaded = three_books_again(three_books)
    with no_queries(), allow_queries(line="<unknown source>:2"):
        template.render({"books": loaded})


def test_a_line_is_whole():
    class Asking:
        lines = ("pins/views.py:31", "pins/feed.html:12")

    for line in ("views.py:31", "pins/views.py:31", "pins/views.py", "feed.html", "feed.html:12"):
        assert _is_at(line, Asking())  # type: ignore[arg-type]
    for line in ("views.py:3", "iews.py:31", "feed.html:1", "31", "html"):
        assert not _is_at(line, Asking())  # type: ignore[arg-type]


def test_no_more_than_so_many(three_books):
    @query_budget(1)
    def work() -> None:
        with allow_queries(relation=AUTHOR, count=2):
            names(Book.objects.all())

    with pytest.raises(QueryBudgetExceeded, match="2 queries, the budget is 1"):
        work()
    loaded = three_books_again(three_books)
    with pytest.raises(QueryRefused), no_queries(), allow_queries(count=2):
        names(loaded)


def test_others_still_count(three_books):
    with pytest.raises(QueryRefused, match="books_book"), no_queries():  # noqa: SIM117
        with allow_queries(relation=AUTHOR):
            names(Book.objects.all())


def test_count_queries_counts_all(three_books):
    with count_queries() as queries, allow_queries(relation=AUTHOR):
        names(Book.objects.all())
    assert queries.total == 4


def test_one_statement_is_taken_once_by_the_innermost(three_books):
    with no_queries(), query_budget(0), allow_queries(count=1), allow_queries(count=2):
        names(three_books_again(three_books))


def test_one_that_took_none_is_an_error(three_books):
    with pytest.raises(UnusedAllowance) as raised, allow_queries(relation="books.Book.auther"):
        names(Book.objects.all())
    text = str(raised.value)
    assert text.startswith("allow_queries(relation='books.Book.auther') allowed no query:")
    assert f"{HERE}:" in text
    assert "books.Book.author, SELECT" in text
    with pytest.raises(UnusedAllowance, match="None was asked"), allow_queries(sql="books"):
        pass


def test_an_error_of_the_block_is_not_masked():
    @allow_queries(sql="books", reason="why")
    def fails() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as raised:
        fails()
    assert "allow_queries(sql='books', reason='why') allowed no query" in raised.value.__notes__[0]
    with pytest.raises(QueryRefused) as refused, no_queries(), allow_queries(relation=AUTHOR):
        Author.objects.count()
    assert "allowed no query" in refused.value.__notes__[0]


def test_it_is_over_at_its_end(three_books):
    with allow_queries(count=1):
        Author.objects.count()
    with pytest.raises(QueryRefused), no_queries():
        Author.objects.count()


def test_as_a_decorator_also_async():
    @allow_queries(sql="books_author")
    def work() -> int:
        return Author.objects.count()

    @allow_queries(sql="books_author")
    async def awork() -> int:
        return await Author.objects.acount()

    with no_queries():
        assert [work(), work()] == [0, 0]
        assert async_to_sync(awork)() == 0


def test_others_at_the_same_time_are_not_allowed():
    async def allowed() -> int:
        with allow_queries(sql="books_author"):
            await asyncio.sleep(0.01)
            return await Author.objects.acount()

    async def both() -> list[Any]:
        with no_queries():
            asking = Author.objects.acount()
            return list(await asyncio.gather(allowed(), asking, return_exceptions=True))

    with pytest.raises(QueryRefused):  # what gather has kept is told again at the end
        async_to_sync(both)()


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({}, TypeError, "allows nothing"),
        ({"reason": "because"}, TypeError, "allows nothing"),
        ({"relation": ""}, TypeError, "must be a text"),
        ({"relation": "Book.author"}, ValueError, "app.Model.attribute"),
        ({"sql": 12}, TypeError, "must be a text"),
        ({"count": 0}, TypeError, "number from 1"),
        ({"count": -1}, ValueError, "1 or more"),
        ({"count": True}, TypeError, "number from 1"),
    ],
)
def test_a_wrong_allowance_is_told_at_once(wrong, error, says):
    with pytest.raises(error, match=says):
        allow_queries(**wrong)


def test_in_production_it_is_not_there(store):
    with testing.override(STORE=store, STRICT=False), measured("work"):  # noqa: SIM117
        with allow_queries(relation=AUTHOR):
            pass
