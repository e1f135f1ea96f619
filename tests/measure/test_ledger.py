"""Two views of a request's time, each adding up to the wall."""

from __future__ import annotations

import asyncio
import http.client
import threading
import time
import types
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.cache import cache
from django.core.management import BaseCommand, call_command
from django.db import connection, transaction
from django.test import AsyncClient, Client

from tests.books.models import Author, Book
from unhurried.measure import measured, snapshot
from unhurried.measure._outside import _task_begins, _task_ends
from unhurried.measure._record import CACHE, DB, HTTP, Record, current
from unhurried.measure._request import _count, _count_async
from unhurried.measure._units import finish, start

Route = Callable[[str], dict[str, Any]]
pytestmark = pytest.mark.django_db


@pytest.fixture
def other_server() -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(0.02)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def assert_adds_up(found: dict[str, Any], wall: float) -> None:
    assert sum(found["where"].values()) == pytest.approx(wall, rel=0.01)
    assert sum(found["how"].values()) == pytest.approx(wall, rel=0.01)
    assert all(seconds >= 0 for view in ("where", "how") for seconds in found[view].values())


def test_parts_add_up_and_are_true(other_server: int, store: object) -> None:
    with measured("everything"):
        outside = time.perf_counter()
        time.sleep(0.03)
        Author.objects.count()
        for _ in range(30):
            cache.set("k", "v" * 10_000)
        call = http.client.HTTPConnection("127.0.0.1", other_server)
        call.request("GET", "/")
        call.getresponse().read()
        call.close()
        busy_until = time.thread_time() + 0.02
        while time.thread_time() < busy_until:
            pass
        outside = time.perf_counter() - outside
    found = snapshot()["routes"]["everything"]
    assert_adds_up(found, found["wall"]["sum"])
    assert found["wall"]["sum"] == pytest.approx(outside, rel=0.05)
    assert found["where"]["http"] >= 0.02
    assert found["where"]["db"] > 0
    assert found["where"]["cache"] > 0
    assert found["where"]["view"] >= 0.05
    assert found["how"]["cpu"] >= 0.02
    assert found["how"]["off"] >= 0.05


def test_queries_inside_nested_templates_are_the_databases(client: Client, route: Route) -> None:
    for i in range(10):
        Book.objects.create(title=f"b{i}", author=Author.objects.create(name=f"a{i}"))
    client.get("/nested/")
    found = route("nested/")
    assert found["queries"]["sum"] == 11
    assert_adds_up(found, found["wall"]["sum"])
    assert found["where"]["db"] == pytest.approx(found["db"]["sum"])
    assert min(found["where"].values()) >= 0
    assert found["where"]["template"] > 0
    assert found["where"]["cache"] > 0


#: Three hundred rows that take the database long to find and Python no time to make or to free.
LONG_FETCH = (
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<300000) "
    "SELECT x FROM c WHERE x %% 1000 = 0"
)


def test_fetching_is_database_time_on_sqlite(store: object) -> None:
    with measured("fetch"), connection.cursor() as cursor:
        cursor.execute(LONG_FETCH, [])
        began = time.perf_counter()
        cursor.fetchall()
        fetching = time.perf_counter() - began
    assert snapshot()["routes"]["fetch"]["where"]["db"] >= 0.5 * fetching


def test_a_cursor_that_outlives_its_unit_charges_the_next(store: object) -> None:
    with connection.cursor() as cursor:
        for name in ("first", "second"):
            with measured(name):
                cursor.execute(LONG_FETCH, [])
                cursor.fetchall()
    routes = snapshot()["routes"]
    for name in ("first", "second"):
        assert routes[name]["where"]["db"] >= 0.5 * routes[name]["wall"]["sum"]


def test_transaction_control_is_time_and_no_query(store: object) -> None:
    with measured("atomic"), transaction.atomic(), transaction.atomic():
        Author.objects.create(name="a")
    found = snapshot()["routes"]["atomic"]
    assert found["queries"]["sum"] == 1
    assert found["where"]["db"] > 0


def test_executemany_is_one_query(store: object) -> None:
    with measured("many"), connection.cursor() as cursor:
        cursor.executemany("INSERT INTO books_author (name) VALUES (%s)", [("a",), ("b",), ("c",)])
    assert snapshot()["routes"]["many"]["queries"]["sum"] == 1


def test_a_road_that_bypasses_cursors_is_counted(store: object) -> None:
    with measured("copy"), measured.statement("default", "COPY t FROM STDIN", ["t"], ["t"]):
        time.sleep(0.005)
    found = snapshot()["routes"]["copy"]
    assert found["queries"]["sum"] == 1
    assert found["where"]["db"] >= 0.005


def _record() -> Record:
    record = start("unit", "x", sample=False)
    assert record is not None
    return record


def test_siblings_under_gather_add_up_and_their_overlap_is_published(store: object) -> None:
    record = _record()
    record.enter(DB)
    time.sleep(0.002)
    record.enter(HTTP)  # a sibling: databases do not call servers
    time.sleep(0.002)
    record.leave(DB)  # out of order
    time.sleep(0.002)
    record.leave(HTTP)
    record.close()
    assert sum(record.parts) == record.wall
    assert record.parts[HTTP] >= 4e6
    assert record.rare is not None
    assert 2e6 <= record.rare.overlap < record.wall
    assert record.concurrent == 0
    assert record.stack == [0]


def test_a_cache_in_the_database_is_no_overlap(store: object) -> None:
    record = _record()
    record.enter(CACHE)
    record.enter(DB)
    record.leave(DB)
    record.leave(CACHE)
    record.close()
    assert record.rare is None


@pytest.mark.parametrize("view", ["aqueries", "queries"])
def test_cpu_under_asgi_is_the_requests_own(view: str, route: Route) -> None:
    """Eight at once on one loop: what each is charged adds up to no more than was spent."""
    client = AsyncClient()

    async def visit() -> None:
        await asyncio.gather(*(client.get(f"/{view}/5/") for _ in range(8)))

    began = time.process_time()
    asyncio.run(visit())
    spent = time.process_time() - began
    found = route(f"{view}/<int:n>/")
    assert 0 < found["how"]["cpu"] <= spent * 1.05
    assert_adds_up(found, found["wall"]["sum"])


def test_cpu_of_a_step_within_a_step_counts_once(store: object) -> None:
    """A function that is measured on its own, too, and joins the one that awaits it."""

    @measured("inner")
    async def inner() -> None:
        await asyncio.sleep(0.1)
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass
        await asyncio.sleep(0.1)

    @measured("outer")
    async def outer() -> None:
        await inner()

    asyncio.run(outer())
    found = snapshot()["routes"]["outer"]
    assert 0.05 <= found["how"]["cpu"] < 0.09


def burn() -> None:
    until = time.thread_time() + 0.05
    while time.thread_time() < until:
        pass
    time.sleep(0.2)


@measured("joins")
async def burning() -> None:
    burn()


def in_a_block() -> None:
    with measured("unit"):
        asyncio.run(burning())


def in_a_command() -> None:
    class Command(BaseCommand):
        def handle(self, *args: Any, **options: Any) -> None:
            asyncio.run(burning())

    call_command(Command())


def in_a_task() -> None:
    _task_begins(task_id="1", sender="mail")
    asyncio.run(burning())
    _task_ends(task_id="1")


def in_a_chunk() -> None:
    """A stream of sync code under ASGI, which comes back to its thread by way of a loop."""

    def chunks() -> Iterator[bytes]:
        async_to_sync(sync_to_async(burn))()
        yield b"1"

    record = _record()
    record.threads, record.cpu_started = [], None
    assert list(_count(record, chunks())) == [b"1"]
    finish(record)


@pytest.mark.parametrize("where", [in_a_block, in_a_command, in_a_task, in_a_chunk])
def test_cpu_of_a_thread_that_is_busy_with_it_already_counts_once(
    where: Callable[[], None], store: object
) -> None:
    where()
    [found] = snapshot()["routes"].values()
    assert 0.05 <= found["how"]["cpu"] < 0.09


def test_whatever_a_stream_answers_with_is_awaited(store: object) -> None:
    class Chunks:
        left = 2

        def __aiter__(self) -> Any:
            return self

        def __anext__(self) -> Any:
            self.left -= 1
            return self.one() if self.left else self.end()

        @types.coroutine
        def one(self) -> Any:
            yield
            return b"1"

        @types.coroutine
        def end(self) -> Any:
            yield
            raise StopAsyncIteration

    async def read() -> list[bytes]:
        return [chunk async for chunk in _count_async(_record(), Chunks())]

    assert asyncio.run(read()) == [b"1"]


def test_nothing_is_left_open(client: Client, store: object) -> None:
    client.get("/nested/")
    assert current.get() is None
