"""What a stranger found once more: whose token a page shows, pages within pages, who goes away."""

from __future__ import annotations

import asyncio
import gzip
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.template import engines
from django.template.response import TemplateResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.views.decorators.gzip import gzip_page

from tests.books.models import Author
from unhurried.cache import cached, cached_page, why
from unhurried.cache._engine import _wait
from unhurried.cache._stores import _private
from unhurried.cache._units._unit import loose

from .attack_site import text
from .pages import DJANGO, OURS, site_with, status

pytestmark = pytest.mark.django_db(transaction=True)
INSIDE, FIRST = [*DJANGO, OURS], [OURS, *DJANGO]
BOTH = pytest.mark.parametrize("middleware", [INSIDE, FIRST], ids=["inside", "first"])
TABLE = {
    "BACKEND": "django.core.cache.backends.db.DatabaseCache",
    "LOCATION": "attacked_cache",
}
FORM = "{% csrf_token %}" + "x" * 400
numbers = count()
slow: dict[str, asyncio.Event] = {}


@cached_page(600)
def inner(request: HttpRequest) -> TemplateResponse:
    return TemplateResponse(request, text("hello {{ who }}"), {"who": "you"})


@cached_page(600)
def outer(request: HttpRequest) -> Any:
    return inner(request)


@cached_page(600)
def discards(request: HttpRequest) -> HttpResponse:
    inner(request)
    response = HttpResponse(str(next(numbers)))
    response.set_cookie("a", "b")
    return response


@cached_page(600)
def in_a_cookie(request: HttpRequest) -> HttpResponse:
    response = HttpResponse("spa")
    response.set_cookie("XSRF-TOKEN", get_token(request))
    return response


@cached_page(600)
@gzip_page
def zipped(request: HttpRequest) -> HttpResponse:
    return HttpResponse(text(FORM).render({}, request))


@cached_page(600)
@gzip_page
def refused(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(text(FORM).render({}, request))
    response.set_cookie("a", "b")
    return response


@cached_page(600)
def streamed(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse([text(FORM).render({}, request)])


async def parts(form: str) -> AsyncIterator[str]:
    yield form[:2]
    yield form[2:]


@cached_page(600)
async def streamed_async(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(parts(text(FORM).render({}, request)))


@cached_page(600)
async def gone(request: HttpRequest) -> HttpResponse:
    raise Http404


@cached_page(600)
async def authors(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(await Author.objects.acount()))


@cached_page(600)
async def lasting(request: HttpRequest) -> HttpResponse:
    if (begun := slow.get("page")) is not None:
        begun.set()
        await asyncio.sleep(60)  # until its reader goes away
    return HttpResponse("x")


urlpatterns = [
    path(f"{page.name.rpartition('.')[2]}/", page)
    for page in (
        *(outer, discards, in_a_cookie, zipped, refused, streamed, streamed_async),
        *(gone, authors, lasting),
    )
]
urlpatterns.append(path("post/", lambda request: HttpResponse("ok")))


@contextmanager
def at(middleware: list[str], wait: float = 1) -> Iterator[None]:
    own = {"WAIT": wait, "STRICT": False}
    with site_with(middleware, UNHURRIED=own), override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    opened: list[Any] = []
    make = _private.Connections._open

    def noted(self: Any) -> Any:
        opened.append(make(self))
        return opened[-1]

    monkeypatch.setattr(_private.Connections, "_open", noted)
    with override_settings(CACHES={"default": TABLE}):
        call_command("createcachetable")
        yield
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {TABLE['LOCATION']}")
    for each in opened:  # Django leaves those to databases in memory open
        if each.connection is not None:
            each.connection.close()


# Tokens


def token_in(body: bytes) -> str:
    found = re.search(rb'value="(\w+)"', body)
    assert found is not None
    return found[1].decode()


@BOTH
@pytest.mark.parametrize("url", ["/zipped/", "/streamed/", "/refused/"])
def test_a_form_has_its_readers_token(middleware: list[str], url: str) -> None:
    with at(middleware):
        for _ in range(3):
            client = Client(enforce_csrf_checks=True)
            response = client.get(url, headers={"Accept-Encoding": "gzip"})
            body = b"".join(response)
            if "Content-Length" in response.headers:
                assert int(response["Content-Length"]) == len(body)
            if response.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            posted = client.post("/post/", {"csrfmiddlewaretoken": token_in(body)})
            assert posted.status_code == 200


@BOTH
def test_a_form_in_an_async_stream_has_its_readers_token(middleware: list[str]) -> None:
    async def asked() -> int:
        client = AsyncClient(enforce_csrf_checks=True)
        response: Any = await client.get("/streamed_async/")
        body = b"".join([chunk async for chunk in response])
        posted = await client.post("/post/", {"csrfmiddlewaretoken": token_in(body)})
        return posted.status_code

    with at(middleware):
        assert async_to_sync(asked)() == 200


@BOTH
def test_a_cookie_of_the_views_own_has_its_readers_token(middleware: list[str]) -> None:
    with at(middleware):
        for _ in range(2):
            client = Client(enforce_csrf_checks=True)
            token = client.get("/in_a_cookie/").cookies["XSRF-TOKEN"].value
            posted = client.post("/post/", headers={"X-CSRFToken": token})
            assert posted.status_code == 200


# Pages within pages


@BOTH
def test_one_page_gives_anothers_late_response(middleware: list[str]) -> None:
    with at(middleware):
        for _ in range(2):
            assert Client().get("/outer/").content == b"hello you"


@BOTH
def test_a_page_within_that_is_not_rendered_holds_nobody_up(middleware: list[str]) -> None:
    with at(middleware, wait=5):
        Client().get("/discards/")
        began = time.monotonic()
        Client().get("/discards/")
        assert time.monotonic() - began < 4  # else WAIT


def test_why_of_a_part_of_a_template() -> None:
    with at(FIRST):
        loose.set(False)
        tag = '{% load unhurried %}{% cached 600 "attacked" 7 %}<b>HTML</b>{% endcached %}'
        assert engines["django"].from_string(tag).render({}) == "<b>HTML</b>"
        assert why("attacked:7").state == "fresh"


# Coroutines


@BOTH
def test_who_goes_away_while_waiting_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, middleware: list[str]
) -> None:
    look = _wait.look
    waits, taken, gone, done = (asyncio.Event(), asyncio.Event(), Event(), Event())

    def slowly(*args: Any, **kwargs: Any) -> Any:
        found = look(*args, **kwargs)
        loop.call_soon_threadsafe((taken if found.act == "compute" else waits).set)
        if found.act == "compute":  # its reader goes away just now
            gone.wait(30)
            done.set()
        return found

    async def three() -> float:
        nonlocal loop
        loop = asyncio.get_running_loop()
        monkeypatch.setitem(slow, "page", asyncio.Event())
        monkeypatch.setattr(_wait, "look", slowly)
        first = asyncio.ensure_future(AsyncClient().get("/lasting/"))
        await asyncio.wait_for(slow["page"].wait(), 30)
        second = asyncio.ensure_future(AsyncClient().get("/lasting/"))
        await asyncio.wait_for(waits.wait(), 30)
        first.cancel()
        await asyncio.wait([first])
        await asyncio.wait_for(taken.wait(), 30)
        second.cancel()
        await asyncio.wait([second])
        gone.set()
        await asyncio.to_thread(done.wait, 30)
        monkeypatch.setattr(_wait, "look", look)
        monkeypatch.delitem(slow, "page")
        began = time.monotonic()
        await AsyncClient().get("/lasting/")
        return time.monotonic() - began

    loop: Any = None
    with at(middleware, wait=10):
        assert async_to_sync(three)() < 5  # else WAIT


@BOTH
def test_an_async_page_in_a_table_may_be_gone(table: None, middleware: list[str]) -> None:
    with at(middleware):
        for _ in range(2):
            assert async_to_sync(AsyncClient().get)("/gone/").status_code == 404


@BOTH
def test_an_async_page_in_a_table_is_made_anew(table: None, middleware: list[str]) -> None:
    with at(middleware):
        client = AsyncClient()
        said = [status(async_to_sync(client.get)("/authors/")) for _ in range(4)]
        Author.objects.create(name="x")
        assert async_to_sync(client.get)("/authors/").status_code == 200
        assert said[3] == "hit"


def test_a_coroutine_in_a_table(table: None) -> None:
    ran: list[int] = []

    @cached(600, key="attacked_coroutine")
    async def number() -> int:
        ran.append(1)
        return len(ran)

    async def twice() -> tuple[int, int]:
        return await number(), await number()

    with at(INSIDE):
        assert async_to_sync(twice)() == (1, 1)
