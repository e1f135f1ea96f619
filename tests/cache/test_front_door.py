"""``front_door``: what it sends is what Django would; all that it can't know goes to Django."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from io import BytesIO
from time import perf_counter_ns
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import transaction
from django.test import override_settings

from tests.books.models import Book
from tests.measure.children import in_child
from unhurried.cache import CacheError, front_door
from unhurried.cache._front import _asked, _lane, _tally
from unhurried.cache._front._door import ASGIDoor, Door
from unhurried.cache._tokens import _spool
from unhurried.measure import _store, _watch, snapshot
from unhurried.measure.reading import WRITES, at_end, not_at_end
from unhurried.testing import override

from . import pages_site as site
from .pages import MIDDLEWARE, site_with

pytestmark = pytest.mark.django_db(transaction=True)

Answer = tuple[int, dict[str, str], bytes]


class Site:
    """Asked with and without the door; counts what the application is asked."""

    asked = 0

    def get(self, url: str, *, door: bool = True, method: str = "GET", **headers: str) -> Answer:
        raise NotImplementedError


class OverWSGI(Site):
    def __init__(self) -> None:
        self.handler = WSGIHandler()
        self.door = front_door(self.application)

    def application(self, environ: Any, start_response: Any) -> Any:
        self.asked += 1
        return self.handler(environ, start_response)

    def get(self, url: str, *, door: bool = True, method: str = "GET", **headers: str) -> Answer:
        path, _, query = url.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SCRIPT_NAME": "",
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }
        said: list[Any] = []
        call = self.door if door else self.application
        answer = call(environ, lambda status, headers: said.append((status, headers)))
        body = b"".join(answer)
        getattr(answer, "close", lambda: None)()
        status, found = said[0]
        return int(status[:3]), dict(found), body


class OverASGI(Site):
    def __init__(self) -> None:
        self.handler = ASGIHandler()
        self.door = front_door(self.application)

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        await self.handler(scope, receive, send)

    def get(self, url: str, *, door: bool = True, method: str = "GET", **headers: str) -> Answer:
        path, _, query = url.partition("?")
        names = {name.replace("_", "-").encode(): value for name, value in headers.items()}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "scheme": "http",
            "server": ("testserver", 80),
            "headers": [(name, value.encode()) for name, value in names.items()],
        }
        return async_to_sync(self._get)(scope, self.door if door else self.application)

    async def _get(self, scope: Any, call: Any) -> Answer:
        sent: list[Any] = []
        left = asyncio.Event()

        bodies = [{"type": "http.request", "body": b""}]

        async def receive() -> Any:
            if bodies:
                return bodies.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await call(scope, receive, send)
        names = {name.decode().title(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], names, b"".join(each.get("body", b"") for each in sent[1:])


@pytest.fixture(params=[OverWSGI, OverASGI])
def asked(request: pytest.FixtureRequest) -> Iterator[Site]:
    with site_with(MIDDLEWARE["first"]):
        yield request.param()


@pytest.fixture
def book(asked: Site) -> Book:
    return Book.objects.create(title="One", author=site.author())


def titled(answer: Answer) -> Answer:
    """Names of headers are what they are in any case; a second may have passed."""
    code, headers, body = answer
    plain = {name.title(): value for name, value in headers.items()}
    for name in ("Age", "Cache-Status"):
        plain[name] = plain[name].rstrip("0123456789")
    return code, plain, body


@pytest.mark.parametrize("url", ["/books/", "/books/?page=2", "/late/", "/long/", "/async/"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"accept_encoding": "gzip"},
        {"method": "HEAD"},
        {"if_none_match": "*"},
        {"if_none_match": '"other", W/"another"'},
        {"accept_language": "de"},
        {"cookie": "sessionid=somebody"},
    ],
    ids=str,
)
def test_what_it_sends_is_what_django_sends(
    asked: Site, book: Book, url: str, headers: dict[str, Any]
) -> None:
    asked.get(url, **{**headers, "method": "GET"})
    whole = titled(asked.get(url, door=False, **headers))
    assert whole[1]["Cache-Status"] == "unhurried; hit; ttl="
    before = asked.asked
    assert titled(asked.get(url, **headers)) == whole
    assert asked.asked == before


def test_who_has_the_page_is_told_so(asked: Site, book: Book) -> None:
    asked.get("/long/", accept_encoding="gzip")
    _, headers, body = asked.get("/long/", accept_encoding="gzip")
    etag = {name.title(): value for name, value in headers.items()}["Etag"]
    before = asked.asked
    for said in (etag, f"W/{etag}", f'"x", {etag}'):
        code, headers, body = asked.get("/long/", accept_encoding="gzip", if_none_match=said)
        assert (code, body) == (304, b"")
        assert "Content-Length" not in {name.title() for name in headers}
    assert asked.asked == before


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "POST"},
        {"authorization": "Basic x"},
        {"range": "bytes=0-1"},
        {"if_match": '"x"'},
        {"if_modified_since": "Sat, 28 Nov 2026 00:00:00 GMT"},
        {"cookie": "a=b; unhurried_wrote=1"},
        {"host": "evil.example"},
        {"url": "/books/?q=1"},
        {"url": "/nowhere/"},
    ],
    ids=str,
)
def test_the_rest_goes_to_django(asked: Site, book: Book, request_: dict[str, str]) -> None:
    for _ in range(2):
        asked.get("/books/")
    before = asked.asked
    asked.get(**{"url": "/books/", **request_})
    assert asked.asked == before + 1


def test_after_a_write_it_has_nothing_to_send(asked: Site, book: Book) -> None:
    for _ in range(2):
        asked.get("/books/")
    Book.objects.update(title="Two")
    before = asked.asked
    assert asked.get("/books/")[2] == b"Two page 1"
    assert asked.asked == before + 1
    assert asked.get("/books/")[2] == b"Two page 1"
    assert asked.asked == before + 1


def test_inside_a_transaction_that_changed_it(asked: Site, book: Book) -> None:
    for _ in range(2):
        asked.get("/books/")
    before = asked.asked
    with transaction.atomic():
        Book.objects.update(title="Two")
        if isinstance(asked, OverWSGI):  # in this thread
            assert asked.get("/books/")[2] == b"Two page 1"
            assert asked.asked == before + 1
        transaction.set_rollback(True)


def test_where_a_token_could_not_be_renewed(
    asked: Site, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        asked.get("/books/")
    before = asked.asked
    monkeypatch.setattr(_spool, "pending", lambda: frozenset({"default:books_book"}))
    asked.get("/books/")
    assert asked.asked == before + 1


@pytest.mark.parametrize(
    "settings",
    [
        {"DEBUG": True},
        {"MIDDLEWARE": MIDDLEWARE["inside"]},
        {"MIDDLEWARE": [*MIDDLEWARE["first"], f"{site.__name__}.Middle"]},
    ],
    ids=str,
)
def test_where_it_has_to_keep_out(asked: Site, book: Book, settings: dict[str, Any]) -> None:
    with override_settings(**settings):
        for _ in range(3):
            assert type(asked)().get("/books/")[0] == 200
        fresh = type(asked)()
        for n in range(1, 4):
            fresh.get("/books/")
            assert fresh.asked == n


def test_its_requests_are_measured(asked: Site, book: Book) -> None:
    for _ in range(3):
        asked.get("/books/")
    before = snapshot()["routes"]["books/"]
    for _ in range(5):
        asked.get("/books/")
    after = snapshot()["routes"]["books/"]
    assert after["requests"] - before["requests"] == 5
    assert after["wall"]["sum"] > before["wall"]["sum"]
    with override(MEASURE=False):
        asked.get("/books/")


@pytest.mark.parametrize("is_watched", [True, False])
def test_a_burst_is_written_though_nobody_comes_after_it(
    asked: Site, book: Book, is_watched: bool
) -> None:
    for _ in range(3):
        asked.get("/books/")
    _tally.write()
    for _ in range(5):
        asked.get("/books/")
    assert [len(each.answers) for each in _tally._waiting] == [5]
    if is_watched:  # each second; else every ten, where anybody is answered by Django
        assert _store.opened is not None
        _watch.Watch(_store.opened)._guarded(perf_counter_ns(), _watch.BEAT, 0)
    else:
        _watch.stand()
    assert _tally._waiting == []


def test_a_child_counts_its_own_answers(asked: Site, book: Book) -> None:
    for _ in range(3):
        asked.get("/books/")
    before = snapshot()["routes"]["books/"]["requests"]
    asked.get("/books/")

    def some_more() -> None:
        for _ in range(5):
            asked.get("/books/")
        _tally.write()

    in_child(some_more)
    _tally.write()
    assert snapshot()["routes"]["books/"]["requests"] == before + 1 + 5


def test_what_it_remembers_is_bounded(
    asked: Site, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_asked, "MOST", 5)
    monkeypatch.setattr(_lane, "HELD", 100)
    for n in range(20):
        for _ in range(2):
            body = asked.get(f"/books/?page={n}")[2]
            assert body == f"One page {n}".encode()
    lane = asked.door._lane  # type: ignore[attr-defined]
    assert len(lane._memory._known) <= 5
    assert lane._held <= 100


@pytest.mark.parametrize(
    "url", ["/books/\udc80", "/books/?page=\xff\xfe", "/%zz/", "//", "", "/books/?" + "a" * 5000]
)
def test_odd_requests_are_djangos(url: str) -> None:
    with site_with(MIDDLEWARE["first"]):
        asked = OverWSGI()
        for _ in range(2):
            assert asked.get(url.encode("utf-8", "surrogateescape").decode("latin-1"))[0] in (
                *(200, 301, 400, 404),
            )
        assert asked.asked == 2


def test_what_is_no_http_passes_by() -> None:
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    async_to_sync(front_door(application))({"type": "websocket"}, None, None)
    assert seen == [{"type": "websocket"}]


def life_of(application: Any) -> list[Any]:
    """What a server is answered by it, and when what waits was written."""
    told, said = iter(("lifespan.startup", "lifespan.shutdown")), []

    async def receive() -> Any:
        return {"type": next(told)}

    async def send(message: Any) -> None:
        said.append(message["type"].removeprefix("lifespan."))

    at_end(WRITES, write := lambda: said.append("written"))
    try:
        async_to_sync(front_door(application))({"type": "lifespan"}, receive, send)
    finally:
        not_at_end(write)
    return said


@pytest.mark.usefixtures("own_end")
def test_a_server_that_tells_of_the_end_is_heard_for_django() -> None:
    assert life_of(ASGIHandler()) == ["startup.complete", "written", "shutdown.complete"]


@pytest.mark.usefixtures("own_end")
def test_an_application_that_hears_of_its_end_does_so_through_the_door() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        for name in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{name}"
            await send({"type": f"lifespan.{name}.complete of its own"})

    ours = life_of(application)
    assert ours == ["startup.complete of its own", "written", "shutdown.complete of its own"]


@pytest.mark.usefixtures("own_end")
def test_an_application_that_can_not_start_says_so_through_the_door() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise OSError("no database")

    with pytest.raises(OSError, match="no database"):
        life_of(application)


def test_which_of_the_two_it_is() -> None:
    assert isinstance(front_door(WSGIHandler()), Door)
    assert isinstance(front_door(ASGIHandler()), ASGIDoor)
    with pytest.raises(CacheError, match="around no application") as raised:
        front_door(None)  # type: ignore[call-overload]
    assert "get_wsgi_application" in raised.value.hint
