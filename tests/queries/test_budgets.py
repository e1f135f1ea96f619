"""Budgets: what counts, what raises, what production does instead."""

from __future__ import annotations

import asyncio
import logging
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import OperationalError, connection, transaction
from django.template import engines
from django.test import AsyncClient, Client, RequestFactory
from django.utils.functional import SimpleLazyObject

from tests.books.models import Author, Book
from tests.queries.site import LIST, Page, books, lazy_page
from unhurried import testing
from unhurried.cache import cached_page
from unhurried.measure import measured
from unhurried.measure.reading import observers
from unhurried.queries import (
    QueryBudgetExceeded,
    QueryRefused,
    allow_queries,
    count_queries,
    no_queries,
    query_budget,
)
from unhurried.queries._budget import _enforcing

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.queries.site")]


def names() -> list[str]:
    return [book.author.name for book in Book.objects.all()]


def count(n: int) -> None:
    for _ in range(n):
        Author.objects.count()


# The block and the decorator.


def test_within_the_budget_nothing_happens(three_books):
    with query_budget(4):
        names()


def test_the_message_says_what_where_and_the_way_out(three_books):
    with pytest.raises(QueryBudgetExceeded) as raised, query_budget(3):
        names()
    error, text = raised.value, str(raised.value)
    assert (error.count, error.budget) == (4, 3)
    assert text.startswith("4 queries, the budget is 3:\n")
    assert "3 x at tests/queries/test_budgets.py:" in text
    assert 'FROM "books_author"' in text
    assert "Findings:\n  n+1: 3 queries at tests/queries/test_budgets.py" in text
    assert "select_related" in text
    assert "or raise the budget to 4." in text
    assert [each.count for each in error.statements] == [3, 1]
    assert error.findings[0].relation == "books.Book.author"


def test_the_exception_can_be_sent_to_another_process(three_books):
    with pytest.raises(QueryBudgetExceeded) as raised, query_budget(1):
        names()
    sent = pickle.loads(pickle.dumps(raised.value))
    assert (sent.count, str(sent)) == (4, str(raised.value))
    assert sent.findings[0].remedy == raised.value.findings[0].remedy


def test_what_was_raised_inside_is_not_masked():
    @query_budget(0)
    def work() -> None:
        count(1)
        raise KeyError("mine")

    with pytest.raises(KeyError) as raised:
        work()
    assert not hasattr(raised.value, "__notes__")
    count(1)  # and the budget is over


def test_nested_budgets_both_count():
    def outside(limit: int) -> None:
        with query_budget(limit):
            count(1)
            with query_budget(2):
                count(2)

    outside(3)
    with pytest.raises(QueryBudgetExceeded, match="3 queries, the budget is 2"):
        outside(2)


def test_the_same_object_may_be_used_again_and_inside_itself():
    budget = query_budget(2)
    for _ in range(2):
        with budget:
            count(1)
            with budget:
                count(1)


def test_a_function_starts_anew_at_each_call():
    @query_budget(2)
    def twice() -> str:
        count(2)
        return "done"

    assert [twice(), twice()] == ["done", "done"]


def test_recursion_counts_from_the_outside():
    @query_budget(2)
    def down(n: int) -> None:
        count(1)
        if n:
            down(n - 1)

    down(1)
    with pytest.raises(QueryBudgetExceeded):
        down(2)


def test_transaction_control_is_no_query_and_executemany_is_one():
    sql = "INSERT INTO books_author (name) VALUES (%s)"
    with query_budget(1), transaction.atomic(), transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(sql, [("a",), ("b",), ("c",)])
    assert Author.objects.count() == 3


def test_a_failed_query_counts():
    @query_budget(0)
    def fails() -> None:
        with pytest.raises(OperationalError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT nonsense")

    with pytest.raises(QueryBudgetExceeded, match="1 query"):
        fails()


def test_one_database_alone():
    with pytest.raises(ValueError, match=r"'other'.: there is default"):
        query_budget(1, using="other").__enter__()
    with pytest.raises(QueryBudgetExceeded), query_budget(0, using="default"):
        count(1)


@pytest.mark.parametrize("wrong", [-1, True, "12", None, 1.5])
def test_a_wrong_number_is_told_at_once(wrong):
    with pytest.raises(TypeError, match="number of queries"):
        query_budget(wrong)


def test_what_can_not_be_decorated_says_what_to_do():
    def generator():
        yield 1

    async def agenerator():
        yield 1

    for function in (generator, agenerator):
        with pytest.raises(TypeError, match="decorate what reads it"):
            query_budget(1)(function)
    with pytest.raises(TypeError, match="method_decorator"):
        query_budget(1)(Page)
    with pytest.raises(TypeError, match="not 3"):
        no_queries()(3)


def test_nothing_listens_afterwards():
    before = list(observers)
    with query_budget(1), no_queries():
        assert len(observers) == len(before) + 1
    assert observers == before


# Async.


@pytest.mark.django_db(transaction=True)
def test_in_async_code_and_its_threads():
    @query_budget(1)
    async def work(n: int) -> None:
        await sync_to_async(count)(n)

    async_to_sync(work)(1)
    with pytest.raises(QueryBudgetExceeded, match=r"test_budgets\.py"):
        async_to_sync(work)(2)

    async def block() -> None:
        with query_budget(1):
            await Author.objects.acount()
            await Author.objects.acount()

    with pytest.raises(QueryBudgetExceeded):
        async_to_sync(block)()


@pytest.mark.django_db(transaction=True)
def test_two_budgets_at_once_do_not_count_each_other():
    async def work(n: int, limit: int) -> str:
        try:
            with query_budget(limit):
                for _ in range(n):
                    await Author.objects.acount()
                    await asyncio.sleep(0)
        except QueryBudgetExceeded as error:
            return f"{error.count}/{error.budget}"
        return "fine"

    async def both() -> list[str]:
        return list(await asyncio.gather(work(2, 2), work(4, 3), work(3, 3)))

    assert async_to_sync(both)() == ["fine", "4/3", "fine"]


# Views.


@pytest.mark.parametrize("page", ["decorated", "page", "rendered"])
def test_a_view_over_its_budget_fails_its_test(page, three_books, client: Client):
    with pytest.raises(QueryBudgetExceeded, match="4 queries, the budget is 2"):
        client.get(f"/{page}/")
    Book.objects.exclude(pk=three_books[0].pk).delete()
    assert client.get(f"/{page}/").status_code == 200


def test_what_a_stream_asks_for_is_the_views(three_books, client: Client):
    response = client.get("/streamed/")
    with pytest.raises(QueryBudgetExceeded, match="4 queries"):
        b"".join(response)
    Book.objects.all().delete()
    assert b"".join(client.get("/streamed/")) == b""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", ["adecorated", "apage"])
def test_an_async_view_over_its_budget(page):
    async def get() -> Any:
        return await AsyncClient().get(f"/{page}/")

    with pytest.raises(QueryBudgetExceeded, match="3 queries, the budget is 2"):
        async_to_sync(get)()


@pytest.mark.django_db(transaction=True)
def test_an_async_stream_over_its_budget(three_books):
    async def get() -> bytes:
        response = await AsyncClient().get("/astreamed/")
        return b"".join([chunk async for chunk in response.streaming_content])

    with pytest.raises(QueryBudgetExceeded, match="4 queries, the budget is 2"):
        async_to_sync(get)()


def test_a_rendered_response_is_as_it_was(client: Client):
    response = client.get("/rendered/")
    assert "render" not in vars(response)


@pytest.mark.parametrize(
    "around",
    [query_budget(9), allow_queries(relation="books.Book.author", reason="few"), cached_page(60)],
    ids=["budget", "allowance", "cache"],
)
def test_a_response_rendered_under_two_decorators(around, three_books, rf):
    response = around(query_budget(9)(lazy_page))(rf.get("/"))
    assert b"Lem" in response.render().content
    assert "render" not in vars(response)


# No queries.


def test_the_first_query_is_refused_before_it_is_sent():
    with count_queries() as queries, pytest.raises(QueryRefused) as raised:  # noqa: SIM117
        with transaction.atomic(), no_queries():  # like any error in a save, it ends its atomic
            Author.objects.create(name="nobody")
    assert queries.total == 0
    assert not Author.objects.exists()
    assert raised.value.line is not None
    assert raised.value.line.startswith("tests/queries/test_budgets.py:")
    assert "INSERT INTO" in str(raised.value)


def test_a_templates_line_is_named(three_books):
    template = engines["django"].from_string(LIST)
    loaded = list(Book.objects.all())
    with pytest.raises(QueryRefused) as raised, no_queries():
        template.render({"books": loaded})
    assert "one at <unknown source>:1 (by tests/queries/" in str(raised.value)
    assert "): books.Book.author, SELECT" in str(raised.value)
    assert "select_related" in str(raised.value)
    with no_queries():
        template.render({"books": list_with_authors(loaded)})


def list_with_authors(loaded: list[Book]) -> list[Book]:
    for book in loaded:
        book.author = Author(name="known")
    return loaded


def test_the_line_where_the_rows_come_from(three_books):
    with count_queries():
        books = list(Book.objects.all())
        with pytest.raises(QueryRefused, match=r"where the rows come from, tests/queries/test_bud"):  # noqa: SIM117
            with no_queries():
                books[0].author  # noqa: B018


def test_a_refusal_that_was_swallowed_comes_back():
    @no_queries()
    def swallows() -> None:
        with suppress(AssertionError):
            count(1)

    with pytest.raises(QueryRefused):
        swallows()


def test_lazy_things_and_transactions_are_no_queries():
    with no_queries(), transaction.atomic():
        Author.objects.filter(name="x").order_by("pk")
        SimpleLazyObject(Author.objects.count)


def test_no_queries_as_decorator_also_async():
    @no_queries()
    def work() -> None:
        count(1)

    @no_queries()
    async def awork() -> None:
        await Author.objects.acount()

    with pytest.raises(QueryRefused):
        work()
    with pytest.raises(QueryRefused, match=r"test_budgets\.py"):
        async_to_sync(awork)()
    count(1)


def test_a_view_without_queries(client: Client):
    with pytest.raises(QueryRefused, match=r"tests/queries/site\.py"):
        client.get("/silent/")


def test_other_contexts_are_not_concerned():
    async def silent() -> None:
        with no_queries():
            await asyncio.sleep(0.01)

    async def asks() -> int:
        return await Author.objects.acount()

    async def both() -> list[Any]:
        return list(await asyncio.gather(silent(), asks()))

    assert async_to_sync(both)() == [None, 0]


# Without the app's help: MEASURE off.


def test_it_counts_with_measuring_off(three_books):
    with testing.override(MEASURE=False), pytest.raises(QueryBudgetExceeded), query_budget(1):
        names()


# Production.


@pytest.fixture
def production(store, unwarned, caplog) -> Callable[..., Any]:
    """Settings of a site: not STRICT."""
    caplog.set_level(logging.WARNING, "unhurried.queries")

    def override(**settings: Any) -> Any:
        return testing.override(STORE=store, STRICT=False, **settings)

    return override


def warnings(caplog) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "unhurried.queries"]


def make_books(n: int) -> None:
    author = [Author.objects.create(name=str(i)) for i in range(n)]
    Book.objects.bulk_create(Book(title="x", author=each) for each in author)


def test_a_route_over_its_budget_is_logged_once_a_minute(production, caplog, client, monkeypatch):
    monkeypatch.setattr(_enforcing, "time", lambda: 60.0)
    make_books(5)
    with production(BUDGETS={"books/": 3}):
        for _ in range(3):
            client.get("/books/")
        client.get("/few/")
    [line] = warnings(caplog)
    assert "/books/: 6 queries, the budget is 3; 5 x at tests/queries/site.py:" in line.getMessage()
    assert (line.route, line.queries, line.budget, line.times) == ("/books/", 6, 3, 5)
    assert line.line.startswith("tests/queries/site.py:")
    assert "books_author" in line.statement


@pytest.mark.parametrize(
    ("budgets", "limit"),
    [
        ({"books/": 3}, 3),
        ({"/books/": 3, "*": 2}, 3),
        ({"*": 2}, 2),
        ({"books/": 6}, None),
        ({"few/": 1}, None),
        ({"books/": "3"}, None),
        ({}, None),
    ],
)
def test_which_budget_is_a_routes(budgets, limit, production, client):
    make_books(5)
    with production(BUDGETS=budgets, OVER_BUDGET="header"):
        response = client.get("/books/")
    assert response.get("X-Query-Budget") == (f"6/{limit}" if limit else None)


def test_a_route_with_arguments_and_the_front_page(production, client, caplog):
    make_books(2)
    with production(BUDGETS={"shelf/<int:n>/books/": 1, "/": 2}, OVER_BUDGET=["header"]):
        assert client.get("/shelf/7/books/")["X-Query-Budget"] == "3/1"
        assert client.get("/")["X-Query-Budget"] == "3/2"
    assert not warnings(caplog)


def test_a_stream_is_compared_at_its_end(production, client, caplog):
    make_books(4)
    with production(BUDGETS={"stream/": 2}, OVER_BUDGET=("log", "header")):
        response = client.get("/stream/")
        assert not warnings(caplog)
        b"".join(response)
        response.close()
    assert "X-Query-Budget" not in response
    assert "/stream/: 5 queries" in warnings(caplog)[0].getMessage()


def test_raise_is_for_strict_alone(production, client, caplog):
    make_books(4)
    with production(BUDGETS={"*": 2}, OVER_BUDGET="raise"):
        assert client.get("/books/").status_code == 200
    assert len(warnings(caplog)) == 1
    with testing.override(BUDGETS={"*": 2}, OVER_BUDGET="raise"):
        with pytest.raises(QueryBudgetExceeded, match="/books/: 5 queries, the budget is 2"):
            client.get("/books/")
        assert client.get("/few/").status_code == 200
    with testing.override(BUDGETS={"*": 2}):
        assert client.get("/books/").status_code == 200


@pytest.mark.parametrize("page", ["decorated", "rendered", "page"])
def test_a_decorated_view_is_only_told_of(page, production, client, caplog):
    make_books(5)
    with production(OVER_BUDGET=("log", "header")):
        response = client.get(f"/{page}/")
    assert response.status_code == 200
    assert response["X-Query-Budget"] == "6/2"
    assert f"/{page}/: 6 queries, the budget is 2" in warnings(caplog)[0].getMessage()


def test_a_silent_view_is_answered_and_told_of(production, client, caplog):
    with production():
        assert client.get("/silent/").status_code == 200
    assert "/silent/: 1 query, the budget is 0" in warnings(caplog)[0].getMessage()


def test_production_counts_nothing_anew(production, client):
    with production(BUDGETS={"*": 1}), measured("work"):
        before = list(observers)
        with query_budget(1, using="default"), no_queries():
            assert observers == before
            count(2)


def test_a_unit_of_work_is_told_of(production, caplog):
    with production(), measured("nightly"), query_budget(1, using="default"):
        count(2)
    [line] = warnings(caplog)
    assert line.unit == "nightly"
    assert line.queries == 2


def test_a_view_called_by_hand_does_not_raise_without_strict(production, three_books):
    request = RequestFactory().get("/")
    with production(MEASURE=False):
        assert query_budget(1)(books)(request).status_code == 200
        with query_budget(0):
            count(1)
    with production(), pytest.raises(QueryBudgetExceeded), query_budget(0):
        count(1)  # a block in which nothing is measured: a test of somebody's


def test_warnings_are_bounded(production, monkeypatch):
    monkeypatch.setattr(_enforcing, "ROUTES", 3)
    assert [_enforcing._is_due(str(n)) for n in range(5)] == [True] * 5
    assert len(_enforcing._warned) <= 3


# Settings.


@pytest.mark.parametrize(
    ("wrong", "number", "says"),
    [
        ({"BUDGETS": {"books/": "12"}}, "E401", "must be a number"),
        ({"BUDGETS": {"books/": -1}}, "E401", "must be a number"),
        ({"BUDGETS": {12: 12}}, "E401", "a route is a str"),
        ({"OVER_BUDGET": "rais"}, "E402", "Did you mean 'raise'?"),
        ({"OVER_BUDGET": ("log", "mail")}, "E402", "'header'"),
        ({"BUDGETS": {"boks/": 3}}, "W401", "Did you mean 'books/'?"),
        ({"BUDGETS": {"/shelf/<int:n>/book/": 3}}, "W401", "shelf/<int:n>/books/"),
        ({"BUDGET": {}}, "E001", "Did you mean 'BUDGETS'?"),
        ({"BUDGETS": 12}, "E002", "must be dict"),
    ],
)
def test_wrong_settings_are_checked(wrong, number, says):
    from tests.test_checks import found

    with testing.override(STRICT=False, **wrong):
        message = found()[f"unhurried.{number}"]
    assert says in f"{message.msg} {message.hint}"
    assert message.hint


def test_right_settings_have_nothing_to_say():
    from tests.test_checks import found

    budgets = {"books/": 0, "/few/": 3, "*": 50, "shelf/<int:n>/books/": 9}
    with testing.override(BUDGETS=budgets, OVER_BUDGET=["log", "header"]):
        assert found() == {}
