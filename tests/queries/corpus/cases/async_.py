"""Async views and code: async for, the a-methods, sync_to_async, gather, threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from asgiref.sync import async_to_sync, sync_to_async
from django.db import connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.test import AsyncClient

from tests.queries.corpus.case import case, duplicate, fetch, page, reads, repeats
from tests.queries.corpus.models import Author, Book, Tag

AUTHOR = reads("Book.author", "author", "select_related")


def name_of(book: Book) -> str:
    return book.author.name  # loop: name of


@case(reads("Book.author", "author", "select_related", loop="name of"), queries=9)
async def async_for() -> str:
    out = []
    async for book in Book.objects.order_by("pk"):  # origin: b
        out.append(await sync_to_async(name_of)(book))
    return ",".join(out)


@case(reads("Author.book_set", "book_set", "prefetch_related"), queries=9)
async def set_by_async_for() -> str:
    out = []
    async for author in Author.objects.order_by("pk"):  # origin: b
        async for book in author.book_set.all():  # loop: a
            out.append(book.title)
    return ",".join(out)


@case(reads("Author.book_set", "book_set", "prefetch_related"), queries=9)
async def set_by_async_comprehension() -> str:
    out = []
    async for author in Author.objects.order_by("pk"):  # origin: b
        out += [book.title async for book in author.book_set.all()]  # loop: a
    return ",".join(out)


@case(reads(("Book.author", None), "author", "select_related", fixable=False), queries=9)
async def aget_by_foreign_key() -> str:
    out = []
    async for book in Book.objects.order_by("pk"):  # origin: b
        author = await Author.objects.aget(pk=book.author_id)  # loop: a
        out.append(author.name)
    return ",".join(out)


@case(repeats("in_bulk"), queries=3)
async def aget_by_given_keys() -> str:
    return ",".join([(await Tag.objects.aget(pk=key)).name for key in (1, 2, 3)])  # loop: a


@case(reads(("Author.book_set", None), "book_set", "annotate", fixable=False), queries=9)
async def acount_of_a_set() -> str:
    out = []
    async for author in Author.objects.order_by("pk"):  # origin: b
        out.append(str(await author.book_set.acount()))  # loop: a
    return ",".join(out)


@case(repeats("bulk_create"), queries=5)
async def acreate() -> str:
    out = []
    for i in range(5):
        tag = await Tag.objects.acreate(name=f"new {i}")  # loop: a
        out.append(tag.name)
    return ",".join(out)


@case(repeats("bulk_update"), queries=9)
async def asave() -> str:
    out = []
    async for tag in Tag.objects.order_by("pk"):
        tag.name = tag.name.upper()
        await tag.asave()  # loop: a
        out.append(tag.name)
    return ",".join(out)


async def one_tag(key: int) -> str:
    tag = await Tag.objects.aget(pk=key)  # loop: one tag
    return tag.name


@case(repeats("in_bulk", loop="one tag"), queries=4)
async def gather_of_gets() -> str:
    return ",".join(await asyncio.gather(*(one_tag(key) for key in (1, 2, 3, 4))))


@case(queries=3)
async def gather_of_different_questions() -> str:
    counts = (Book.objects.acount(), Author.objects.acount(), Tag.objects.acount())
    return ",".join(map(str, await asyncio.gather(*counts)))


async def titles_of(author: Author) -> str:
    return "/".join([book.title async for book in author.book_set.all()])  # loop: titles of


@case(reads("Author.book_set", "book_set", "prefetch_related", loop="titles of"), queries=9)
async def gather_over_rows() -> str:
    authors = [author async for author in Author.objects.order_by("pk")]  # origin: b
    return ",".join(await asyncio.gather(*(titles_of(author) for author in authors)))


@case(reads("Book.author", "author", "select_related", loop="name of"), queries=9)
async def task_group() -> str:
    books = [book async for book in Book.objects.order_by("pk")]  # origin: b
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(sync_to_async(name_of)(book)) for book in books]
    return ",".join(task.result() for task in tasks)


@case(queries=1)
async def async_for_joined() -> str:
    books = Book.objects.select_related("author")
    return ",".join([book.author.name async for book in books])


@case(queries=2)
async def async_for_prefetched() -> str:
    out = []
    async for book in Book.objects.prefetch_related("tags"):
        out.extend(tag.name for tag in book.tags.all())
    return ",".join(out)


@case(queries=2)
async def two_awaits_of_two_rows() -> str:
    first = await Book.objects.aget(pk=1)
    second = await Author.objects.aget(pk=1)
    return f"{first} {second}"


@case(duplicate(), queries=3)
async def acount_again_and_again() -> str:
    return ",".join([str(await Tag.objects.acount()) for _ in range(3)])  # loop: a


def all_names() -> str:
    books = Book.objects.order_by("pk")  # origin: all names
    return ",".join(book.author.name for book in books)  # loop: all names


WHOLE = reads("Book.author", "author", "select_related", loop="all names", origin="all names")


@case(WHOLE, queries=9)
async def whole_function_by_sync_to_async() -> str:
    return await sync_to_async(all_names)()


@case(WHOLE, queries=9)
async def whole_function_in_a_thread_of_its_own() -> str:
    connection = await sync_to_async(lambda: connections["default"])()

    def in_thread() -> str:
        connections["default"] = connection
        try:
            return all_names()
        finally:
            del connections["default"]

    connection.inc_thread_sharing()
    try:
        return await sync_to_async(in_thread, thread_sensitive=False)()
    finally:
        connection.dec_thread_sharing()


@case(AUTHOR, queries=9)
def async_called_by_sync() -> str:
    async def books() -> list[Book]:
        return [book async for book in Book.objects.order_by("pk")]  # origin: b

    return ",".join(book.author.name for book in async_to_sync(books)())  # loop: a


@page("async/books/")
async def books_page(request: HttpRequest) -> HttpResponse:
    books = [book async for book in Book.objects.order_by("-year")]  # origin: async page
    return await sync_to_async(render)(request, "corpus/feed.html", {"books": books})


FEED = reads("Book.author", "author", "select_related", loop="feed author", origin="async page")


@case(FEED, queries=9)
def view_by_the_sync_client() -> str:
    return fetch("/async/books/")


@case(FEED, queries=9)
async def view_by_the_async_client() -> str:
    return (await AsyncClient().get("/async/books/")).content.decode()


async def lines() -> AsyncIterator[str]:
    async for author in Author.objects.order_by("pk"):  # origin: async lines
        count = await author.book_set.acount()  # loop: async lines
        yield f"{author.name} {count}\n"


@page("async/lines/")
async def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(lines())


@case(
    reads(
        ("Author.book_set", None),
        "book_set",
        "annotate",
        loop="async lines",
        origin="async lines",
        fixable=False,
    ),
    queries=9,
)
async def streaming() -> str:
    response = await AsyncClient().get("/async/lines/")
    return "".join([part.decode() async for part in response.streaming_content])
