"""The thread that looks at its process: what it sees of units that stand still, and of itself."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import json
import logging
import os
import socket
import sys
import threading
import time
import urllib.request
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.cache import cache
from django.core.management import BaseCommand, call_command
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.test import AsyncClient, Client, override_settings
from django.urls import path

from tests.books.models import Author
from tests.measure.children import in_child
from unhurried.measure import (
    _errors,
    _frames,
    _layout,
    _run_queue,
    _slow,
    _store,
    _units,
    _watch,
    measured,
)
from unhurried.measure._outside import _task_begins, _task_ends
from unhurried.measure._record import current
from unhurried.measure._watch import BEAT, DEAR, JUDGED, SELDOM, Pace, Watch
from unhurried.measure.reading import slow_requests, window
from unhurried.queries._live._working import draw
from unhurried.testing import override

pytestmark = pytest.mark.django_db
SECRET = "zqsecretzq"
SECOND = 1_000_000_000
THERE: SimpleQueue[int] = SimpleQueue()
HOLD: SimpleQueue[int] = SimpleQueue()
HERE = "tests/measure/test_watch.py"

SLEEPY = """
import json
import urllib.request

def nap(there, hold):
    there.put(1)
    return hold.get(timeout=30)

def doze(seconds):
    import threading
    threading.Event().wait(seconds)

def wrapper(there, hold, execute, *args):
    nap(there, hold)
    return execute(*args)

def call_back(function):
    return function()

def encode(thing):
    return json.dumps(thing, default=lambda thing: thing())

def fetch(url):
    return urllib.request.urlopen(url, timeout=30).read()

class Middleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if "nap" in request.GET:
            nap(self.there, self.hold)
        return response
"""


@pytest.fixture(scope="module")
def sleepy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A third-party package, as pip would have installed it."""
    folder = tmp_path_factory.mktemp("lib") / "site-packages"
    (folder / "sleepy").mkdir(parents=True)
    (folder / "sleepy" / "__init__.py").write_text("from .inner import *\n")
    (folder / "sleepy" / "inner.py").write_text(SLEEPY)
    sys.path.insert(0, str(folder))
    import sleepy

    yield sleepy
    sys.path.remove(str(folder))
    del sys.modules["sleepy"], sys.modules["sleepy.inner"]


def line_of(mark: str) -> str:
    """The line of this file that ends with this comment."""
    lines = Path(__file__).read_text().splitlines()
    [number] = [n for n, line in enumerate(lines, 1) if line.endswith(f"# {mark}")]
    return f"{HERE}:{number}"


def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse("nothing")


def own(request: HttpRequest) -> HttpResponse:
    THERE.put(1), HOLD.get(timeout=30)  # own
    return HttpResponse("own")


def package(request: HttpRequest) -> HttpResponse:
    import sleepy

    sleepy.nap(THERE, HOLD)  # package
    return HttpResponse("package")


def through_package(request: HttpRequest) -> HttpResponse:
    """A package calls the project back: the project's line has the time."""
    import sleepy

    return HttpResponse(sleepy.call_back(lambda: (THERE.put(1), HOLD.get(timeout=30))))  # back


def package_in_package(request: HttpRequest) -> HttpResponse:
    import sleepy

    return HttpResponse(sleepy.encode(functools.partial(sleepy.nap, THERE, HOLD)))  # encode


def template(request: HttpRequest) -> HttpResponse:
    text = "{% for x in one %}\n{{ there }}{{ hold.get }}{% endfor %}"
    context = {"there": functools.partial(THERE.put, 1), "hold": HOLD, "one": [1]}
    return HttpResponse(engines["django"].from_string(text).render(context))


def tag_of_a_package(request: HttpRequest) -> HttpResponse:
    import sleepy

    nap = functools.partial(sleepy.nap, THERE, HOLD)
    return HttpResponse(engines["django"].from_string("\n\n{{ nap }}").render({"nap": nap}))


def database(request: HttpRequest) -> HttpResponse:
    """In a statement: the function is the database's, as far as anyone here can tell."""
    import sleepy

    if connection.vendor != "sqlite":
        with connection.execute_wrapper(functools.partial(sleepy.wrapper, THERE, HOLD)):
            Author.objects.count()
        connection.close()
        return HttpResponse("database")
    with connection.cursor() as cursor:
        nap = functools.partial(sleepy.nap, THERE, HOLD)
        connection.connection.create_function("nap", 0, nap)
        cursor.execute("SELECT nap()")
    connection.connection.close()  # which Django leaves open where the database is in memory
    return HttpResponse("database")


def cached(request: HttpRequest) -> HttpResponse:
    import sleepy

    class Held:
        def __reduce__(self) -> Any:
            return int, (sleepy.nap(THERE, HOLD),)

    cache.set("held", Held())
    return HttpResponse("cached")


def fetched(request: HttpRequest) -> HttpResponse:
    return HttpResponse(urllib.request.urlopen(request.GET["url"], timeout=30).read())  # fetched


def fetched_by_package(request: HttpRequest) -> HttpResponse:
    import sleepy

    return HttpResponse(sleepy.fetch(request.GET["url"]))  # fetched by


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    def chunks() -> Iterator[bytes]:
        yield b"1"
        THERE.put(1), HOLD.get(timeout=30)  # streamed
        yield b"2"

    return StreamingHttpResponse(chunks())


async def coroutine(request: HttpRequest) -> HttpResponse:
    THERE.put(1), HOLD.get(timeout=30)  # coroutine
    return HttpResponse("coroutine")


def streamed_async(request: HttpRequest) -> StreamingHttpResponse:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"1"
        THERE.put(1), HOLD.get(timeout=30)  # streamed by a coroutine
        yield b"2"

    return StreamingHttpResponse(chunks())


async def sent_to_a_thread(request: HttpRequest) -> HttpResponse:
    await sync_to_async(own)(request)
    return HttpResponse("thread")


def secretive(request: HttpRequest, word: str) -> HttpResponse:
    password = SECRET
    THERE.put(1), HOLD.get(timeout=30)  # secretive
    return HttpResponse(password + word)


PHASES: dict[str, float] = {}


@contextmanager
def phase(name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    PHASES[name] = time.perf_counter() - began


def everything(request: HttpRequest) -> HttpResponse:
    """Four parts after each other, for more than half a second each."""
    import sleepy

    with phase("package"):
        sleepy.doze(0.6)
    with phase("view"):
        until = time.perf_counter() + 0.6
        while time.perf_counter() < until: sum(range(100))  # fmt: skip  # noqa: E701
    with phase("template"):
        until = time.perf_counter() + 0.6
        text = "{% for x in xs %}{% if x %}{{ x|upper }}{% endif %}{% endfor %}"
        page = engines["django"].from_string(text)
        while time.perf_counter() < until:
            page.render({"xs": ["word"] * 500})
    with phase("database"), connection.cursor() as cursor:
        until = time.perf_counter() + 0.6
        while time.perf_counter() < until:
            if connection.vendor == "sqlite":
                cursor.execute(
                    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t LIMIT 300000) "
                    "SELECT count(*) FROM t"
                )
            else:
                cursor.execute("SELECT pg_sleep(0.1)")
    return HttpResponse("everything")


urlpatterns = [
    path(f"{view.__name__}/", view)
    for view in (
        *(
            nothing,
            own,
            package,
            through_package,
            package_in_package,
            template,
            tag_of_a_package,
            database,
        ),
        *(cached, fetched, fetched_by_package, streamed, streamed_async, coroutine),
        *(sent_to_a_thread, everything),
    )
]
urlpatterns.append(path("secretive/<str:word>/", secretive))


@pytest.fixture
def watch(store: Path, sleepy: Any) -> Iterator[Watch]:
    """One that beats when it is told to."""
    for left in (THERE, HOLD):  # by a test that failed
        while not left.empty():
            left.get()
    # Who has said that it is there goes on until it stands still: nobody else gets a turn before.
    usual = sys.getswitchinterval()
    sys.setswitchinterval(30)
    try:
        with override_settings(ROOT_URLCONF=__name__):
            opened = _store.current()
            assert opened is not None
            yield Watch(opened)
        assert _frames.requests == _frames.blocks == {}
    finally:
        sys.setswitchinterval(usual)


def get(url: str) -> Any:
    """Of a site that has loaded its URLs, as most requests are."""
    client = Client()
    client.get("/nothing/")
    return b"".join(client.get(url))


def get_async(url: str) -> Any:
    return async_to_sync(AsyncClient().get)(url)


def stream_async(url: str) -> Any:
    async def read() -> bytes:
        response = await AsyncClient().get(url)
        return b"".join([chunk async for chunk in response])

    return async_to_sync(read)()


@contextmanager
def standing(work: Callable[..., Any], *args: Any) -> Iterator[None]:
    """Somebody works and has come to where it stands still, until the block is over."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work(*args)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        THERE.get(timeout=30)
        yield
    finally:
        HOLD.put(1)
        thread.join(30)
    assert not failed, failed


def beat(watch: Watch, times: int = 1, ns: int = BEAT) -> None:
    for _ in range(times):
        watch.beat(time.perf_counter_ns(), ns, 0)


def seen(watch: Watch) -> dict[tuple[str, str, str, str], tuple[int, int]]:
    """(unit, part, line, package) -> (count, ns), as a reader has it."""
    watch.write()
    rows = window().samples
    return {(row.unit[1], row.part, row.line, row.package): (row.count, row.ns) for row in rows}


def stacked(watch: Watch, work: Callable[..., Any], *args: Any) -> tuple[str, str, str]:
    """What one look at it says; coverage looks at files, too, but for the first time alone."""
    HOLD.put(1)
    work(*args)
    THERE.get(timeout=30)
    with standing(work, *args):
        beat(watch)
    [((_, *where), counted)] = seen(watch).items()
    assert counted == (1, BEAT)
    return tuple(where)  # type: ignore[return-value]


def test_a_line_of_the_projects_own(watch: Watch) -> None:
    assert stacked(watch, get, "/own/") == ("view", line_of("own"), "")


def test_a_package_and_the_line_that_calls_it(watch: Watch) -> None:
    assert stacked(watch, get, "/package/") == ("package", line_of("package"), "sleepy")


def test_a_package_that_calls_back(watch: Watch) -> None:
    assert stacked(watch, get, "/through_package/") == ("view", line_of("back"), "")


def test_python_between_two_functions_of_a_package(watch: Watch) -> None:
    assert stacked(watch, get, "/package_in_package/") == ("package", line_of("encode"), "sleepy")


def test_a_template_and_its_line(watch: Watch) -> None:
    assert stacked(watch, get, "/template/") == ("template", "<unknown source>:2", "")


def test_a_package_that_a_template_calls(watch: Watch) -> None:
    found = stacked(watch, get, "/tag_of_a_package/")
    assert found == ("package", "<unknown source>:3", "sleepy")


@pytest.mark.parametrize("url", ["/database/", "/cached/"])
def test_what_is_timed_exactly_is_not_sampled(watch: Watch, url: str) -> None:
    with standing(get, url):
        beat(watch)
    assert seen(watch) == {}


def test_the_ledger_knows_the_same_as_the_watch_does_not(watch: Watch) -> None:
    """In a statement no line is named, and the line after it is."""
    with standing(get, "/database/"):
        beat(watch, 3)
    with standing(get, "/own/"):
        beat(watch, 2)
    assert seen(watch) == {("own/", "view", line_of("own"), ""): (2, 2 * BEAT)}


def test_middleware_of_a_package_is_itself_and_not_what_it_leads_to(
    watch: Watch, sleepy: Any
) -> None:
    sleepy.Middleware.there, sleepy.Middleware.hold = THERE, HOLD
    middleware = ["unhurried.middleware.UnhurriedMiddleware", "sleepy.Middleware"]
    with override_settings(MIDDLEWARE=middleware):
        with standing(get, "/own/"):
            beat(watch)
        HOLD.put(1)  # for the view, which is not what is looked at this time
        with standing_twice(get, "/own/?nap"):
            beat(watch)
    assert seen(watch) == {
        ("own/", "view", line_of("own"), ""): (1, BEAT),
        ("own/", "package", "", "sleepy"): (1, BEAT),
    }


@contextmanager
def standing_twice(work: Callable[..., Any], *args: Any) -> Iterator[None]:
    """The same for what passes another such place before."""
    with standing(work, *args):
        THERE.get(timeout=30)
        yield


@contextmanager
def slow_server() -> Iterator[tuple[str, Callable[[bytes], None]]]:
    """(its URL, what sends a piece of its answer), heard by nobody else."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted: list[socket.socket] = []

        def send(data: bytes) -> None:
            accepted[0].sendall(data)
            if not data:
                accepted[0].close()

        def accept() -> None:
            accepted.append(server.accept()[0])
            accepted[0].recv(65536)
            THERE.put(1)
            HOLD.get(timeout=30)
            send(b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n")
            THERE.put(1)
            HOLD.get(timeout=30)
            send(b"1")

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/", send
        thread.join(30)
        accepted[0].close()


@pytest.mark.parametrize(
    ("view", "mark", "package"),
    [("fetched", "fetched", ""), ("fetched_by_package", "fetched by", "sleepy")],
)
def test_waiting_for_another_server(watch: Watch, view: str, mark: str, package: str) -> None:
    """For its headers, which the ledger times, and for its body, which it can't."""
    with slow_server() as (url, _), standing(get, f"/{view}/?url={url}"):
        beat(watch)
        HOLD.put(1)
        THERE.get(timeout=30)
        beat(watch)
    expected = {(f"{view}/", "http", line_of(mark), package): (2, 2 * BEAT)}
    assert seen(watch) == expected


def test_a_stream_after_its_view(watch: Watch) -> None:
    assert stacked(watch, get, "/streamed/") == ("view", line_of("streamed"), "")


def test_the_first_request_which_loads_the_urls(watch: Watch) -> None:
    with standing(Client().get, "/own/"):
        beat(watch)
    assert seen(watch) == {("own/", "view", line_of("own"), ""): (1, BEAT)}


def test_a_stream_of_a_coroutine_after_its_view(watch: Watch) -> None:
    said = stacked(watch, stream_async, "/streamed_async/")
    assert said == ("view", line_of("streamed by a coroutine"), "")


def test_between_two_chunks_it_has_no_thread(watch: Watch) -> None:
    """Who sends it is not the project's; the server may be busy with others."""
    HOLD.put(1)
    response = Client().get("/streamed/")
    chunks = iter(response)
    next(chunks)
    assert _frames.busy(watch.store) == {}
    next(chunks)
    THERE.get(timeout=30)
    assert _frames.busy(watch.store) == {}
    response.close()


def test_a_coroutine_that_has_the_thread(watch: Watch) -> None:
    assert stacked(watch, get_async, "/coroutine/") == ("view", line_of("coroutine"), "")


def test_sync_code_that_a_coroutine_awaits(watch: Watch) -> None:
    assert stacked(watch, get_async, "/sent_to_a_thread/") == ("view", line_of("own"), "")


def nap_here(sleepy: Any) -> None:
    with measured("import"):
        sleepy.nap(THERE, HOLD)  # block


def test_a_block_of_measured(watch: Watch, sleepy: Any) -> None:
    with standing(nap_here, sleepy):
        beat(watch)
        assert len(_frames.blocks) == 1
    assert seen(watch) == {("import", "package", line_of("block"), "sleepy"): (1, BEAT)}
    assert window().samples[0].unit == ("unit", "import")


def test_a_task_of_celerys(watch: Watch, sleepy: Any) -> None:
    def work() -> None:
        _task_begins(task_id="1", sender="mail")
        THERE.put(1), HOLD.get(timeout=30)  # task
        _task_ends(task_id="1")

    with standing(work):
        beat(watch)
    assert seen(watch) == {("task:mail", "view", line_of("task"), ""): (1, BEAT)}


def test_a_command(watch: Watch) -> None:
    class Command(BaseCommand):
        def handle(self, *args: Any, **options: Any) -> None:
            THERE.put(1), HOLD.get(timeout=30)  # command

    with standing(call_command, Command()):
        beat(watch)
    assert seen(watch) == {("command:test_watch", "view", line_of("command"), ""): (1, BEAT)}


def test_a_request_in_a_block_and_the_block_after_it(watch: Watch) -> None:
    """A request is a unit of its own, unless it is in another one."""

    def work() -> None:
        with measured("import"):
            get("/own/")
            THERE.put(1), HOLD.get(timeout=30)  # after it

    with standing(work):
        beat(watch)
        HOLD.put(1)
        THERE.get(timeout=30)
        beat(watch, 2)
    assert seen(watch) == {
        ("own/", "view", line_of("own"), ""): (1, BEAT),
        ("import", "view", line_of("after it"), ""): (2, 2 * BEAT),
    }


@pytest.mark.parametrize("same", [True, False], ids=["its context", "another context"])
def test_one_that_ends_in_another_thread_is_not_under_way(watch: Watch, *, same: bool) -> None:
    def job() -> Iterator[None]:
        with measured("elsewhere"):
            yield

    begun, context = job(), contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=[next, begun])
    thread.start()
    thread.join()
    assert [record.name for record in _frames.blocks.values()] == ["elsewhere"]
    (context if same else contextvars.copy_context()).run(begun.close)
    assert _frames.blocks == {}
    assert window().units["unit", "elsewhere"]["requests"] == 1


def test_what_is_around_a_request_is_under_way_after_it(watch: Watch) -> None:
    """Of steps, of threads that coroutines send code to, of chunks; and of commands in blocks."""

    def asked() -> None:
        names.append(name())
        get("/nothing/")
        names.append(name())

    def name() -> str:
        return _frames.busy(watch.store)[threading.get_ident()].name

    @measured("step")
    async def step() -> None:
        asked()

    @measured("thread")
    async def sent() -> None:
        current.get().threads = []  # type: ignore[union-attr]
        await sync_to_async(asked)()

    class Command(BaseCommand):
        def handle(self, *args: Any, **options: Any) -> None:
            names.append(name())

    names: list[str] = []
    asyncio.run(step())
    asyncio.run(sent())
    with measured("block"):
        asked()
        contextvars.Context().run(call_command, Command())
        names.append(name())
    assert names == [
        *("step", "step", "thread", "thread", "block", "block", "command:test_watch", "block"),
    ]


def test_who_has_ended_meanwhile_is_not_seen_in_the_next_ones_place(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def goes_on() -> dict[int, FrameType]:
        HOLD.put(1)
        THERE.get(timeout=30)
        return others()

    def two() -> None:
        get("/own/")
        get("/package/")

    others = _watch._others
    monkeypatch.setattr(_watch, "_others", goes_on)
    with standing(two):
        beat(watch)
    assert seen(watch) == {}


def test_who_has_no_unit_is_not_seen(watch: Watch) -> None:
    with standing(own, HttpRequest()):
        beat(watch)
    assert seen(watch) == {}


def test_a_unit_of_another_store_is_not_seen(watch: Watch, tmp_path: Path) -> None:
    with standing(get, "/own/"), override(STORE=tmp_path / "other"):
        other = _store.current()
        assert other is not None
        other_watch = Watch(other)
        beat(other_watch)
        assert other_watch.samples._waiting == {}


def test_shares_are_what_the_looks_say(watch: Watch) -> None:
    for url, times in (("/own/", 5), ("/package/", 3), ("/template/", 2)):
        with standing(get, url):
            beat(watch, times)
    shares = {unit: ns for (unit, *_), (_, ns) in seen(watch).items()}
    assert shares == {"own/": 5 * BEAT, "package/": 3 * BEAT, "template/": 2 * BEAT}


def test_shares_of_a_page_that_does_all_of_it(store: Path, sleepy: Any) -> None:
    with override_settings(ROOT_URLCONF=__name__), override(WATCH=True, STORE=store):
        work()
        get("/everything/")
        [unit] = [lanes for (_, name), lanes in window().units.items() if name == "everything/"]
        rows = [row for row in window().samples if row.unit[1] == "everything/"]
    end_all()
    known, seen = sum(PHASES.values()), {"database": unit["db"] / 1e9}
    for row in rows:
        seen[row.part] = seen.get(row.part, 0) + row.ns / 1e9
    for part, seconds in PHASES.items():
        assert seen[part] / known == pytest.approx(seconds / known, abs=0.1), (part, seen, PHASES)
    # Hypothesis has Python call it whenever rubbish is collected, wherever that is.
    packages = {row.package for row in rows if row.part == "package"}
    packages -= {"hypothesis", "_pytest"}
    assert packages == {"sleepy"}
    assert {row.line for row in rows if row.part == "template"} == {"<unknown source>:1"}


def test_a_long_look_stands_for_longer(watch: Watch) -> None:
    with standing(get, "/own/"):
        beat(watch, ns=BEAT)
        beat(watch, ns=SELDOM)
    assert seen(watch) == {("own/", "view", line_of("own"), ""): (2, BEAT + SELDOM)}


def test_of_many_threads_some_are_looked_at_in_turn(
    watch: Watch, sleepy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each stands for all: the sum is right, whoever's turn it was."""
    monkeypatch.setattr(_watch, "THREADS", 2)
    with standing(get, "/own/"), standing(get, "/own/"), standing(nap_here, sleepy):
        beat(watch, 6)
        HOLD.put(1), HOLD.put(1)
    found = {unit: looks for (unit, *_), looks in seen(watch).items()}
    assert found["own/"][0] + found["import"][0] == 12
    assert found["own/"][1] + found["import"][1] == 18 * BEAT
    assert found["import"] == (4, 6 * BEAT)


def test_nobody_else_runs_within_a_step_to_a_frame(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.11 collects garbage when it makes a frame's object; what ends may run others."""

    class Rubbish:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            ended.append(1)

    def look(frame: FrameType, part: int) -> None:
        collects.append(gc.isenabled())
        Rubbish()
        frames = [*_frames.outward(frame)]
        assert len(frames) > 10
        ends.append(len(ended))

    ended: list[int] = []
    collects: list[bool] = []
    ends: list[int] = []
    monkeypatch.setattr(_watch, "placed", [look])
    usual = gc.get_threshold()
    try:
        with standing(get, "/own/"):
            gc.set_threshold(1)
            beat(watch)
    finally:
        gc.set_threshold(*usual)
    old = sys.version_info < (3, 12)
    assert collects == [not old]
    assert not old or ends == [0]
    assert gc.isenabled()


def test_two_who_walk_at_once_and_who_forks_meanwhile() -> None:
    def forks() -> None:
        child = os.fork()
        if not child:
            os._exit(0 if gc.isenabled() else 1)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    codes: list[int] = []
    walk = _frames.Still()
    with walk:
        with walk:
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with _frames.still:
        thread = threading.Thread(target=forks)
        thread.start()
        thread.join()
    assert codes == [0]
    assert gc.isenabled()
    gc.disable()
    try:
        with walk:
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_lines_of_a_route_are_bounded_and_parts_are_not_lost(watch: Watch) -> None:
    with standing(get, "/own/"):
        [record] = _frames.busy(watch.store).values()
    for n in range(100):
        watch.samples.count(record, ("view", f"views.py:{n}", ""), BEAT)
        watch.samples.count(record, ("package", "x" * 300, f"p{n % 2}"), BEAT)
    for _ in range(4):
        watch.write()
    rows = window().samples
    assert sum(row.ns for row in rows) == 200 * BEAT
    assert len(rows) <= 44
    assert sum(row.ns for row in rows if row.part == "package") == 100 * BEAT
    assert {len(row.line) for row in rows if row.part == "package"} <= {0, 200}


def test_nothing_is_kept_alive(watch: Watch) -> None:
    """A frame that is kept keeps all that its function holds."""

    class Big:
        pass

    def work() -> None:
        big = Big()
        alive.append(weakref.ref(big))
        with measured("import"):
            THERE.put(1), HOLD.get(timeout=30)

    alive: list[weakref.ref[Big]] = []
    gc.disable()
    try:
        with standing(work):
            beat(watch, 3)
        assert [each() for each in alive] == [None]
    finally:
        gc.enable()


# The heartbeat


def process_lanes() -> dict[str, int]:
    return window().process


def test_the_heartbeat_is_added_up(watch: Watch) -> None:
    watch._begin()
    with standing(get, "/own/"):
        watch.beat(time.perf_counter_ns(), 60_000_000, 10_000_000)
        watch.beat(time.perf_counter_ns(), 50_000_000, 1_000_000)
    watch.beat(time.perf_counter_ns(), 50_000_000, 0)
    watch.write()
    found = process_lanes()
    assert (found["beats"], found["watched"], found["late"]) == (3, 160_000_000, 11_000_000)
    assert (found["busy"], found["most_busy"]) == (110_000_000, 1)
    assert abs(found["born"] - time.time()) < 60


def test_a_process_that_was_stopped_was_not_watched(watch: Watch) -> None:
    watch.beat(time.perf_counter_ns(), 60 * SECOND, 60 * SECOND - BEAT)
    watch.write()
    assert process_lanes()["beats"] == process_lanes()["late"] == 0


def die_busy(folder: str) -> None:
    """A request under way, and no end of it."""
    with override(STORE=folder), override_settings(ROOT_URLCONF=__name__):
        thread = threading.Thread(target=get, args=["/own/"], daemon=True)
        thread.start()
        THERE.get(timeout=30)
        os._exit(0)


def test_what_a_killed_process_was_busy_with_is_not_under_way(store: Path) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            die_busy(str(store))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    opened = _store.current()
    assert opened is not None
    with measured("nothing"):
        pass
    watch = Watch(opened)
    assert opened.slot.path.name == "slot-0"
    beat(watch)
    watch.write()
    assert process_lanes()["busy"] == 0


# The thread


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "unhurried-watch"]


def end_all() -> None:
    for thread in threads():
        thread.join(30)


def work(name: str = "work") -> None:
    with measured(name):
        pass


def race() -> int:
    """How many threads there are after many units have ended at once."""
    barrier = threading.Barrier(16)

    def run() -> None:
        barrier.wait(30)
        work()
        opened = _store.opened
        for _ in range(20):
            if opened is not None:
                opened.due = 0
            work()

    racing = [threading.Thread(target=run) for _ in range(16)]
    for thread in racing:
        thread.start()
    for thread in racing:
        thread.join(30)
    return len(threads())


def test_one_for_all_threads_and_it_ends_with_the_store(store: Path) -> None:
    with override(WATCH=True, STORE=store):
        assert race() == 1
    end_all()
    assert threads() == []
    assert _watch._watch is None


@pytest.mark.parametrize("off", ["WATCH", "MEASURE"])
def test_off_is_off(store: Path, off: str) -> None:
    with override(STORE=store, **{"WATCH": True, off: False}):
        assert race() == 0


def test_a_command_has_none(store: Path) -> None:
    with override(WATCH=True, STORE=store):
        record = _units.start("unit", "command:migrate")
        assert record is not None
        _units.finish(record)
        assert threads() == []


def test_a_child_has_its_own(store: Path) -> None:
    with override(WATCH=True, STORE=store):
        work()
        assert len(threads()) == 1
        watched = _watch._watch
        assert in_child(lambda: (len(threads()), race(), _watch._watch is watched)) == [0, 1, False]
        assert _watch._watch is watched
    end_all()


def test_switched_off_while_it_runs(store: Path, settings: Any) -> None:
    with override(WATCH=True, STORE=store):
        work()
        [thread] = threads()
        given = settings.UNHURRIED
        given["WATCH"] = False  # as by a plain assignment: no signal tells of it
        thread.join(30)
        assert threads() == []


def test_a_beat_that_fails_is_said_once_and_the_next_one_comes(
    store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing, recovered = SimpleQueue(), threading.Event()  # type: ignore[var-annotated]
    original = Watch.beat

    def beat(self: Watch, *args: Any) -> None:
        if failing.qsize() < 3:
            failing.put(1)
            raise ZeroDivisionError
        original(self, *args)
        recovered.set()

    monkeypatch.setattr(Watch, "beat", beat)
    with override(WATCH=True, STORE=store, STRICT=False), caplog.at_level(logging.ERROR):
        work()
        assert recovered.wait(30)
    end_all()
    assert [r.message for r in caplog.records] == ["unhurried went on without the watch"]


def test_a_stack_that_can_not_be_told_is_not_anothers_trouble(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_errors, "_said", set())
    looked: list[int] = []

    def place(*args: Any) -> Any:
        looked.append(1)
        if len(looked) == 1:
            raise ZeroDivisionError
        return "view", "a.py:1", ""

    monkeypatch.setattr(_watch, "placed", [place])
    with override(STRICT=False, STORE=watch.store.folder.parent):
        watch = Watch(_store.current())  # type: ignore[arg-type]
        with standing(get, "/own/"), standing(get, "/own/"), caplog.at_level(logging.ERROR):
            beat(watch)
            HOLD.put(1)  # whoever is to end first, both may
        assert seen(watch) == {("own/", "view", "a.py:1", ""): (1, BEAT)}
    assert len(looked) == 2
    assert len(caplog.records) == 1


def test_it_writes_once_a_second_and_when_it_is_asked(store: Path) -> None:
    with override(WATCH=True, STORE=store):
        work()
        assert _watch._watch is not None
        wait_for(lambda: window().process["beats"] >= 3)
        found = window().process
        assert 0 <= found["late"] < found["watched"]
    end_all()


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    never = threading.Event()
    while not what():
        assert time.monotonic() < deadline
        never.wait(0.02)


# Its cost


def test_dear_looks_are_made_more_seldom(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_errors, "_said", set())
    pace = Pace()
    with caplog.at_level(logging.WARNING):
        spend(pace, DEAR + 1)
        assert pace.asked == SELDOM
        spend(pace, DEAR - 1)
        assert pace.asked == SELDOM, "half of it is what lets it look often again"
        spend(pace, DEAR // 2 - 1)
        assert pace.asked == BEAT
        spend(pace, DEAR - 1)
        assert pace.asked == BEAT
    said = [r.message for r in caplog.records]
    assert said == ["Watching this process is dear: it is looked at 5 times a second, not 20."]


def spend(pace: Pace, ns: int) -> None:
    start = pace._since or 1
    for now in range(start, start + JUDGED + 1, JUDGED // 20):
        pace.spend(ns, now)


def test_the_thread_sheds_what_is_dear(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Really: looks that take 4 ms of CPU each, until they come more seldom."""
    asked: set[int] = set()

    def burn(self: Watch, *args: Any) -> None:
        asked.add(self.pace.asked)
        until = time.thread_time_ns() + 2 * DEAR
        while time.thread_time_ns() < until:
            pass

    monkeypatch.setattr(_watch, "JUDGED", SECOND // 4)
    monkeypatch.setattr(Watch, "_look", burn)
    with override(WATCH=True, STORE=store):
        work()
        wait_for(lambda: asked == {BEAT, SELDOM})
    end_all()


# Slow requests


def finish_many(times: int, seconds: float, name: str = "secretive/<str:word>/") -> None:
    for _ in range(times):
        record = _units.start("request", name, sample=False)
        assert record is not None
        record.start -= int(seconds * SECOND)
        record.status = 200
        _units.finish(record)


def look_at(watch: Watch, seconds: float, times: int = 1) -> None:
    """As if the request had been under way for so long."""
    for _ in range(times):
        watch.beat(time.perf_counter_ns() + int(seconds * SECOND), BEAT, 0)


def test_the_stack_of_a_request_beyond_its_routes_p99(watch: Watch, store: Path) -> None:
    finish_many(100, 1.0)
    with standing(get, f"/secretive/{SECRET}/?{SECRET}={SECRET}"):
        look_at(watch, 2.9)
        look_at(watch, 3.2, times=4)
        assert seen(watch)  # and nothing is told of it while it lasts
        assert slow_requests() == []
    watch.write()
    [found] = slow_requests()
    assert (found["route"], found["looks"]) == ("secretive/<str:word>/", 4)
    assert found["at"] == pytest.approx(time.time(), abs=60)
    assert 0 < found["seconds"] < 60
    [stack] = found["stacks"]
    assert stack == {"count": 4, "frames": [f"{line_of('secretive')} secretive"]}
    text = (store / f"v{_layout.VERSION}" / "slow.json").read_text()
    assert SECRET not in text
    assert str(Path(__file__).parent) not in text


@pytest.mark.parametrize(
    ("known", "seconds", "late"),
    [
        pytest.param((100, 0.01), 0.9, False, id="below a second nothing is slow"),
        pytest.param((100, 0.01), 1.1, True, id="a fast route"),
        pytest.param((99, 0.01), 4.9, False, id="a route of which little is known"),
        pytest.param((0, 0), 5.1, True, id="a route of which nothing is known"),
        pytest.param((100, 10), 29, False, id="a route that always takes its time"),
    ],
)
def test_what_is_slow(watch: Watch, known: tuple[int, float], seconds: float, late: bool) -> None:
    finish_many(*known)
    with standing(get, "/secretive/word/"):
        look_at(watch, seconds)
    watch.write()
    assert len(slow_requests()) == late


def test_a_task_may_take_its_time(watch: Watch, sleepy: Any) -> None:
    with standing(nap_here, sleepy):
        look_at(watch, 100)
    watch.write()
    assert slow_requests() == []


def test_looks_stacks_and_requests_are_bounded(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter(range(10**6))
    draw = [lambda frame: (f"{next(numbers) % 7}",)]
    monkeypatch.setattr(_slow, "drawn", draw)
    for n in range(12):
        with standing(get, f"/secretive/{n}/"):
            look_at(watch, 6, times=250 if n == 0 else 10)
        watch.write()
    found = slow_requests()
    assert len(found) == _slow.OF_A_ROUTE
    assert [each["at"] for each in found] == sorted((e["at"] for e in found), reverse=True)
    assert all(len(each["stacks"]) == 5 for each in found)
    assert all(each["stacks"][0]["count"] >= each["stacks"][1]["count"] for each in found)


def test_at_most_two_hundred_looks(watch: Watch) -> None:
    with standing(get, "/secretive/word/"):
        look_at(watch, 6, times=210)
    watch.write()
    [found] = slow_requests()
    assert found["looks"] == 200
    assert found["stacks"][0]["count"] == 200


def test_at_most_twenty_requests_and_the_latest(watch: Watch) -> None:
    told = [{"route": f"r{n}", "at": float(n), "seconds": 9, "looks": 1, "stacks": []}
            for n in range(30)]  # fmt: skip
    _slow.keep(watch.store, told[:15])
    _slow.keep(watch.store, told[15:])
    assert [each["route"] for each in slow_requests()] == [f"r{n}" for n in range(29, 9, -1)]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "x"}', b"\xff", b"7"])
def test_a_damaged_file_is_said_and_replaced(
    watch: Watch, content: bytes, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    monkeypatch.setattr(_errors, "_said", set())
    file = watch.store.folder / "slow.json"
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert slow_requests() == []
        assert slow_requests() == []
    assert len(caplog.records) == 1
    told = {"route": "r", "at": 1.0, "seconds": 9.0, "looks": 1, "stacks": []}
    _slow.keep(watch.store, [told])
    assert slow_requests() == [told]
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["format"] == _slow.FORMAT


def test_deep_stacks_are_cut(watch: Watch) -> None:
    def deep(n: int) -> None:
        if n:
            deep(n - 1)
        else:
            THERE.put(1), HOLD.get(timeout=30)

    with standing(deep, 100):
        frames = [draw(frame) for frame in sys._current_frames().values()]
    [stack] = [stack for stack in frames if any(line.endswith(" deep") for line in stack)]
    assert len(stack) == 30


# Waiting for a core

tells = pytest.mark.skipif(not _run_queue._read(), reason="a kernel that counts it")


@tells
def test_threads_that_ran_are_told_to_have_run() -> None:
    turns = _run_queue.Turns()
    began = time.thread_time_ns()
    while time.thread_time_ns() - began < 50_000_000:
        pass
    ran, waited = turns.since()
    assert ran >= 45_000_000
    assert waited >= 0
    assert turns.since()[0] < ran


@tells
def test_the_watch_writes_them(store: Path, watch: Watch) -> None:
    began = time.thread_time_ns()
    while time.thread_time_ns() - began < 50_000_000:
        pass
    watch.write()
    assert window().process["ran"] >= 45_000_000


def test_a_thread_that_has_ended_is_no_error() -> None:
    turns = _run_queue.Turns()
    thread = threading.Thread(target=time.sleep, args=(0,))
    thread.start()
    turns.since()
    thread.join(30)
    assert min(turns.since()) >= 0


def test_where_nobody_tells_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run_queue, "TASKS", "/nowhere/to/be/seen")
    assert _run_queue.Turns().since() == (0, 0)
