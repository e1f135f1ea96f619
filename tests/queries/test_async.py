"""Counting where code awaits: who counts what, which line is told, and that nothing waits for good.

The lines that are told are found by the marks at their ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, StreamingHttpResponse
from django.test import AsyncClient
from django.urls import path

from tests.books.models import Author, Book
from unhurried.measure import snapshot
from unhurried.queries import Finding, count_queries

pytestmark = pytest.mark.django_db
SOURCE = Path(__file__).read_text().splitlines()
BOOKS = 6
PATIENCE = 30.0  # seconds; a deadlock would take longer


@pytest.fixture(autouse=True)
def books(db: None) -> None:
    authors = [Author.objects.create(name=f"author {n}") for n in range(3)]
    Book.objects.bulk_create(Book(title="book", author=authors[n % 3]) for n in range(BOOKS))


def line(mark: str) -> str:
    """Where a mark stands, as findings say it."""
    (number,) = (n for n, text in enumerate(SOURCE, 1) if text.endswith(f"  # {mark}"))
    return f"tests/queries/test_async.py:{number}"


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    async def in_time() -> Any:
        return await asyncio.wait_for(work(), PATIENCE)

    return async_to_sync(in_time)()


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_async_for_tells_the_line_in_the_loop_and_the_line_of_the_rows() -> None:
    async def work() -> None:
        async for author in Author.objects.order_by("pk"):  # rows of async for
            async for book in author.book_set.all():  # loop of async for
                assert book.title

    with count_queries() as queries:
        run(work)
    found = only(queries.findings)
    assert queries.total == 1 + 3
    assert (found.kind, found.relation, found.count) == ("n+1", "books.Author.book_set", 3)
    assert (found.loop, found.origin) == (line("loop of async for"), line("rows of async for"))


def test_aget_in_a_loop_is_told_with_its_line() -> None:
    async def work() -> None:
        async for book in Book.objects.all():  # rows of aget
            await Author.objects.aget(pk=book.author_id)  # loop of aget

    with count_queries() as queries:
        run(work)
    found = only(queries.findings)
    assert queries.total == 1 + BOOKS
    assert (found.kind, found.count, found.loop) == ("n+1", BOOKS, line("loop of aget"))
    assert found.origin == line("rows of aget")


def test_the_other_verbs_of_async_are_counted() -> None:
    async def work() -> None:
        author = await Author.objects.acreate(name="new")
        author.name = "newer"
        await author.asave()
        assert await Author.objects.acount() == 4
        assert await Author.objects.filter(name="newer").aexists()
        assert await Author.objects.afirst() is not None
        await author.adelete()

    with count_queries() as queries:
        run(work)
    assert queries.total == 7, queries.statements  # a delete is two: of the books, of the author


async def by_relation() -> Any:
    with count_queries() as queries:
        async for book in Book.objects.all():
            await asyncio.sleep(0)
            await sync_to_async(lambda book=book: str(book.author))()  # loop by relation
    return queries


async def by_key() -> Any:
    with count_queries() as queries:
        for pk in range(1, 6):
            await asyncio.sleep(0)
            await Author.objects.filter(pk=pk).afirst()  # loop by key
    return queries


def test_blocks_that_run_at_once_count_and_find_each_its_own() -> None:
    async def work() -> Any:
        with count_queries() as both:
            return both, *(await asyncio.gather(by_relation(), by_key()))

    both, first, second = run(work)
    assert (first.total, second.total, both.total) == (1 + BOOKS, 5, 1 + BOOKS + 5)
    assert only(first.findings).loop == line("loop by relation")
    assert only(second.findings).loop == line("loop by key")
    assert {f.loop for f in both.findings} == {line("loop by relation"), line("loop by key")}


def test_a_task_counts_where_it_was_started() -> None:
    """A task takes the context it was made in: before the block it is not of the block."""

    async def ask(go: asyncio.Event) -> None:
        await go.wait()
        await Book.objects.acount()

    async def work() -> int:
        go = asyncio.Event()
        before = asyncio.create_task(ask(go))
        with count_queries() as queries:
            inside = asyncio.create_task(ask(go))
            go.set()
            await asyncio.gather(before, inside)
        return queries.total

    assert run(work) == 1


def names() -> list[str]:
    return [str(book.author) for book in Book.objects.order_by("pk")]  # loop in a thread


def in_a_thread_of_its_own() -> list[str]:
    try:
        return names()
    finally:
        BaseDatabaseWrapper.close(connections["default"])  # SQLite's own keeps one in memory open


def check_thread(work: Callable[[], Awaitable[Any]]) -> None:
    with count_queries() as queries:
        assert len(run(work)) == BOOKS
    found = only(queries.findings)
    assert queries.total == 1 + BOOKS
    assert found.loop == found.origin == line("loop in a thread")
    assert found.relation == "books.Book.author"


def test_the_one_thread_of_sync_to_async_is_counted_with_the_line_that_awaits() -> None:
    async def work() -> list[str]:
        return await sync_to_async(names)()

    check_thread(work)


@pytest.mark.django_db(transaction=True)  # the other thread has a connection of its own
def test_a_thread_of_its_own_is_counted_too() -> None:
    async def work() -> list[str]:
        return await sync_to_async(in_a_thread_of_its_own, thread_sensitive=False)()

    check_thread(work)


@pytest.mark.django_db(transaction=True)
def test_many_blocks_in_many_threads_do_not_wait_for_each_other() -> None:
    """Findings are asked for while others count in the block around."""

    async def one(outer: Any) -> int:
        with count_queries() as queries:
            await sync_to_async(in_a_thread_of_its_own, thread_sensitive=False)()
            assert len(queries.findings) == 1
            assert outer.findings
        return queries.total

    async def work() -> Any:
        with count_queries() as outer:
            totals = await asyncio.gather(*(one(outer) for _ in range(16)))
        return outer.total, totals

    total, totals = run(work)
    assert totals == [1 + BOOKS] * 16
    assert total == sum(totals)


def test_a_parameter_that_would_ask_is_not_asked() -> None:
    """Counting holds a lock: what ran there and asked in turn would wait for good."""

    class Key(int):
        def __hash__(self) -> int:
            return Author.objects.count()

    with count_queries() as queries, connection.cursor() as cursor:
        cursor.execute("SELECT name FROM books_author WHERE id = %s", [Key(1)])
    assert queries.total == 1


async def chunks() -> AsyncIterator[str]:
    async for book in Book.objects.order_by("pk"):  # rows of a stream
        author = await Author.objects.aget(pk=book.author_id)  # loop of a stream
        yield author.name


async def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(chunks())


urlpatterns = [path("stream/", stream)]


@pytest.fixture
def streaming(settings: Any) -> Iterator[AsyncClient]:
    settings.ROOT_URLCONF = __name__
    return AsyncClient()


def test_a_stream_counts_while_it_is_read(streaming: AsyncClient, store: Path) -> None:
    async def work() -> Any:
        with count_queries() as queries:
            response = await streaming.get("/stream/")
            before = queries.total
            body = [chunk async for chunk in response.streaming_content]
        await sync_to_async(response.close)()
        return queries, before, body

    queries, before, body = run(work)
    found = only(queries.findings)
    assert (before, queries.total, len(body)) == (0, 1 + BOOKS, BOOKS)
    assert (found.loop, found.count) == (line("loop of a stream"), BOOKS)
    assert found.origin == line("rows of a stream")
    assert snapshot()["routes"]["stream/"]["queries"]["sum"] == 1 + BOOKS


def test_streams_that_are_read_in_turns_count_each_its_own(
    streaming: AsyncClient, store: Path
) -> None:
    async def read() -> int:
        with count_queries() as queries:
            response = await streaming.get("/stream/")
            async for _ in response.streaming_content:
                await asyncio.sleep(0)
        await sync_to_async(response.close)()
        assert len(queries.findings) == 1
        return queries.total

    async def work() -> list[int]:
        return list(await asyncio.gather(read(), read(), read()))

    assert run(work) == [1 + BOOKS] * 3
    found = snapshot()["routes"]["stream/"]
    assert (found["requests"], found["queries"]["sum"]) == (3, 3 * (1 + BOOKS))
