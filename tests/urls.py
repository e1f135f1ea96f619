"""Pages for the suites, each doing one thing a site does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from django.core.cache import cache
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.template import engines
from django.urls import include, path

from tests.books.models import Author, Book
from unhurried.measure import counter


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse("empty")


def queries(request: HttpRequest, n: int) -> HttpResponse:
    for _ in range(n):
        Author.objects.count()
    return HttpResponse("x" * n)


async def aqueries(request: HttpRequest, n: int) -> HttpResponse:
    for _ in range(n):
        await Author.objects.acount()
        await asyncio.sleep(0.001)
    return HttpResponse("x" * n)


def status(request: HttpRequest, code: int) -> HttpResponse:
    return HttpResponse(status=code)


def boom(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("boom")


async def aboom(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("boom")


def nested(request: HttpRequest) -> HttpResponse:
    """Queries inside nested templates, cache calls, sleep and CPU."""
    time.sleep(0.01)
    cache.set("key", "value" * 1000)
    for _ in range(20):
        cache.get("key")
    end = time.thread_time() + 0.005
    while time.thread_time() < end:
        pass
    engine = engines["django"]
    row = engine.from_string("{{ book.title }} by {{ book.author.name }}").template
    page = engine.from_string("{% for book in books %}{% include row %}{% endfor %}")
    return HttpResponse(page.render({"books": Book.objects.all(), "row": row}))


def _chunks() -> Iterator[bytes]:
    for _ in range(3):
        Author.objects.count()
        time.sleep(0.005)
        yield b"x" * 100


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_chunks())


async def _achunks() -> AsyncIterator[bytes]:
    for _ in range(3):
        await Author.objects.acount()
        await asyncio.sleep(0.005)
        yield b"x" * 100


async def astream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_achunks())


def broken_stream(request: HttpRequest) -> StreamingHttpResponse:
    def chunks() -> Iterator[bytes]:
        yield b"x"
        raise RuntimeError("half way")

    return StreamingHttpResponse(chunks())


def file(request: HttpRequest) -> HttpResponseBase:
    return FileResponse(open(__file__, "rb"))


def count(request: HttpRequest) -> HttpResponse:
    counter("orders").increment()
    return HttpResponse()


def events(request: HttpRequest) -> HttpResponseBase:
    def told() -> Iterator[str]:
        for n in range(3):
            time.sleep(0.02)
            yield f"data: {Author.objects.count()} {n}\n\n"

    return StreamingHttpResponse(told(), content_type="text/event-stream")


async def aevents(request: HttpRequest) -> HttpResponseBase:
    async def told() -> AsyncIterator[str]:
        for n in range(3):
            await asyncio.sleep(0.02)
            yield f"data: {await Author.objects.acount()} {n}\n\n"

    return StreamingHttpResponse(told(), content_type="text/event-stream; charset=utf-8")


urlpatterns = [
    path("", empty),
    path("empty/", empty),
    path("queries/<int:n>/", queries),
    path("aqueries/<int:n>/", aqueries),
    path("status/<int:code>/", status),
    path("boom/", boom),
    path("aboom/", aboom),
    path("nested/", nested),
    path("stream/", stream),
    path("events/", events),
    path("aevents/", aevents),
    path("astream/", astream),
    path("broken-stream/", broken_stream),
    path("file/", file),
    path("count/", count),
    path("unhurried/", include("unhurried.urls")),
]
