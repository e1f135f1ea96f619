"""What is measured of a request, sync and async."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextvars import Context, copy_context
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import AsyncClient, Client, RequestFactory
from django.urls import path

from tests.books.models import Author
from unhurried.later._thread import close_all
from unhurried.measure import counter, measured, snapshot
from unhurried.measure.reading import finished, window
from unhurried.testing import override

Route = Callable[[str], dict[str, Any]]
pytestmark = pytest.mark.django_db


def test_a_request_is_counted_under_its_pattern(client: Client, route: Route) -> None:
    for n in (0, 3, 3):
        client.get(f"/queries/{n}/")
    measured = route("queries/<int:n>/")
    assert measured["requests"] == 3
    assert measured["errors"] == 0
    assert measured["statuses"] == {"200": 3}
    assert measured["bytes"] == 6
    assert measured["in_flight"] == 0
    assert measured["queries"]["count"] == 3
    assert measured["queries"]["sum"] == 6
    assert measured["queries"]["p50"] == measured["queries"]["max"] == 3
    assert measured["wall"]["count"] == 3
    assert 0 < measured["wall"]["p50"] <= measured["wall"]["max"] <= measured["wall"]["sum"]


def test_the_root_and_the_unresolved_have_names(client: Client, store: object) -> None:
    client.get("/")
    client.get("/nowhere/to/be/seen/")
    routes = snapshot()["routes"]
    assert routes[""]["statuses"] == {"200": 1}
    assert routes["(none)"]["statuses"] == {"404": 1}


def test_statuses_are_told_apart(client: Client, route: Route) -> None:
    for code in (200, 201, 304, 404, 418, 503, 599):
        client.get(f"/status/{code}/")
    measured = route("status/<int:code>/")
    assert measured["statuses"] == {
        "200": 1, "201": 1, "304": 1, "404": 1, "4xx": 1, "503": 1, "5xx": 1
    }  # fmt: skip
    assert (measured["requests"], measured["errors"], measured["exceptions"]) == (7, 2, 0)


def test_an_exception_is_counted_once(route: Route) -> None:
    client = Client(raise_request_exception=False)
    for _ in range(3):
        assert client.get("/boom/").status_code == 500
    measured = route("boom/")
    assert (measured["requests"], measured["errors"], measured["exceptions"]) == (3, 3, 3)


def test_queue_time_is_beside_the_wall(client: Client, route: Route) -> None:
    client.get("/empty/", headers={"X-Request-Start": f"t={time.time() - 0.5}"})
    client.get("/empty/", headers={"X-Request-Start": "t=1"})
    client.get("/empty/")
    measured = route("empty/")
    assert measured["queue"]["count"] == 1
    assert 0.5 <= measured["queue"]["sum"] < 5
    assert measured["wall"]["max"] < 0.5


def test_a_stream_is_measured_to_its_end(client: Client, route: Route) -> None:
    response = client.get("/stream/")
    assert "stream/" not in [r for r, m in snapshot()["routes"].items() if m["requests"]]
    assert route("stream/")["in_flight"] == 1
    assert len(response.getvalue()) == 300
    response.close()
    measured = route("stream/")
    assert (measured["requests"], measured["in_flight"], measured["streamed"]) == (1, 0, 1)
    assert (measured["bytes"], measured["queries"]["sum"]) == (300, 3)
    assert measured["wall"]["sum"] >= 0.015


def test_nobody_waits_for_the_end_of_a_stream_of_events(client: Client, route: Route) -> None:
    response = client.get("/events/")
    asked = route("events/")
    assert (asked["requests"], asked["in_flight"]) == (1, 0)
    assert response.getvalue().count(b"data:") == 3
    response.close()
    asked, told = route("events/"), route("events:events/")
    assert (asked["requests"], asked["queries"]["sum"], asked["streamed"]) == (1, 0, 0)
    assert (told["requests"], told["queries"]["sum"], told["streamed"]) == (1, 3, 1)
    assert asked["wall"]["sum"] < 0.06 <= told["wall"]["sum"]
    assert told["bytes"] == len(b"data: 0 0\n\n") * 3


def test_a_stream_that_is_cut_off_is_finished_once(client: Client, route: Route) -> None:
    response = client.get("/stream/")
    next(iter(response.streaming_content))
    response.close()
    response.close()
    assert route("stream/")["requests"] == 1


def test_a_stream_that_raises_is_an_error(client: Client, route: Route) -> None:
    response = client.get("/broken-stream/")
    with pytest.raises(RuntimeError, match="half way"):
        response.getvalue()
    response.close()
    assert route("broken-stream/")["errors"] == 1


def test_a_file_may_still_be_sent_by_the_kernel(route: Route) -> None:
    """The server's ``wsgi.file_wrapper`` gets the file itself, and closing ends the record."""
    environ = RequestFactory().get("/file/").environ | {"wsgi.file_wrapper": FileWrapper}
    body = get_wsgi_application()(environ, lambda *args: None)
    assert isinstance(body, FileWrapper)
    assert route("file/")["in_flight"] == 1
    size = len(b"".join(body))
    body.close()
    assert (route("file/")["bytes"], route("file/")["in_flight"]) == (size, 0)


def work_off() -> None:
    for _ in range(100):
        counter("mails").increment()
    with measured("job"):
        Author.objects.count()


@pytest.mark.parametrize("way", ["task", "thread"])
def test_what_outlives_its_request_is_measured_for_itself(
    store: Path, settings: Any, way: str
) -> None:
    """It was begun in the request's context, whose record nobody writes any more."""
    go, begun = asyncio.Event(), list[Any]()

    async def job() -> None:
        await go.wait()
        await sync_to_async(work_off)()
        await AsyncClient().get("/empty/")

    def run(context: Context) -> None:
        context.run(work_off)
        context.run(Client().get, "/empty/")
        close_all()

    async def view(request: HttpRequest) -> HttpResponse:
        begun.append(asyncio.create_task(job()) if way == "task" else copy_context())
        return HttpResponse()

    async def main() -> None:
        await AsyncClient().get("/go/")
        go.set()
        await (begun[0] if way == "task" else asyncio.to_thread(run, begun[0]))

    settings.ROOT_URLCONF = path("go/", view), path("empty/", lambda request: HttpResponse())
    asyncio.run(main())
    found = snapshot()
    assert found["counters"] == {"mails": 100}
    assert {name: found["routes"][name]["queries"]["sum"] for name in found["routes"]} == {
        "go/": 0,
        "job": 1,
        "empty/": 0,
    }


def test_a_body_that_is_being_streamed_has_not_outlived_its_request(
    store: Path, settings: Any
) -> None:
    def chunks() -> Iterator[bytes]:
        work_off()
        yield b"x"

    settings.ROOT_URLCONF = (path("rows/", lambda request: StreamingHttpResponse(chunks())),)
    response = Client().get("/rows/")
    list(response)
    response.close()
    found = snapshot()
    assert found["counters"] == {"mails": 100}
    assert {name: route["queries"]["sum"] for name, route in found["routes"].items()} == {
        "rows/": 1
    }


def test_async_views_are_measured_alike(route: Route) -> None:
    client = AsyncClient(raise_request_exception=False)

    async def visit() -> None:
        await client.get("/aqueries/3/")
        await client.get("/queries/2/")
        await client.get("/aboom/")
        response = await client.get("/astream/")
        assert len(b"".join([chunk async for chunk in response.streaming_content])) == 300
        response.close()

    asyncio.run(visit())
    assert route("aqueries/<int:n>/")["queries"]["sum"] == 3
    assert route("queries/<int:n>/")["queries"]["sum"] == 2
    assert route("aboom/")["exceptions"] == 1
    assert route("astream/")["bytes"] == 300
    assert route("astream/")["queries"]["sum"] == 3


def test_nor_for_that_of_one_that_is_async(route: Route) -> None:
    async def visit() -> None:
        response: Any = await AsyncClient().get("/aevents/")
        assert len([chunk async for chunk in response.streaming_content]) == 3
        response.close()

    asyncio.run(visit())
    asked, told = route("aevents/"), route("events:aevents/")
    assert (asked["requests"], asked["queries"]["sum"]) == (1, 0)
    assert (told["requests"], told["queries"]["sum"]) == (1, 3)


def test_gather_charges_each_query_to_its_own_request(route: Route) -> None:
    client = AsyncClient()

    async def visit() -> None:
        await asyncio.gather(*(client.get(f"/aqueries/{n}/") for n in range(1, 9)))

    asyncio.run(visit())
    measured = route("aqueries/<int:n>/")
    assert measured["requests"] == 8
    assert measured["queries"]["sum"] == sum(range(1, 9))
    assert measured["queries"]["max"] == 8
    assert measured["queries"]["p50"] == 4


def test_a_client_that_goes_away_is_no_error(route: Route) -> None:
    async def visit() -> None:
        under_way.clear()
        task = asyncio.create_task(AsyncClient().get("/slow-async/"))
        while not under_way:  # noqa: ASYNC110 - a list needs no loop to be made in
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with override_urls():
        asyncio.run(visit())
    assert route("slow-async/")["statuses"] == {"499": 1}
    assert route("slow-async/")["errors"] == 0
    assert route("slow-async/")["in_flight"] == 0


under_way: list[str] = []


async def _slow(request: HttpRequest) -> HttpResponse:
    under_way.append(request.path)
    await asyncio.sleep(10)
    return HttpResponse()


def _exits(request: HttpRequest) -> HttpResponse:
    raise SystemExit(1)  # as gunicorn ends a worker that has taken too long


urlpatterns = [path("slow-async/", _slow), path("exits/", _exits)]


def override_urls() -> Any:
    from django.test.utils import override_settings

    return override_settings(ROOT_URLCONF=__name__)


def test_two_middlewares_measure_once(route: Route, settings: Any) -> None:
    settings.MIDDLEWARE = [settings.MIDDLEWARE[0], *settings.MIDDLEWARE]
    Client().get("/empty/")
    assert route("empty/")["requests"] == 1


def test_off_means_that_nothing_is_measured(settings: Any) -> None:
    with override(MEASURE=False):
        Client().get("/empty/")
        assert snapshot()["routes"] == {}


def test_a_worker_that_is_ended_is_an_error(route: Route) -> None:
    with override_urls(), pytest.raises(SystemExit):
        Client().get("/exits/")
    assert route("exits/")["statuses"] == {"500": 1}
    assert route("exits/")["errors"] == 1


def test_a_head_sends_no_bytes(client: Client, route: Route) -> None:
    client.head("/queries/3/")
    assert route("queries/<int:n>/")["bytes"] == 0


class Unnamed:
    """A resolver of a site's own, whose matches have no route."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> None:
        request.resolver_match.route = None  # type: ignore[assignment,union-attr]


def test_a_match_without_a_route_breaks_nothing(route: Route, settings: Any) -> None:
    settings.MIDDLEWARE = [f"{__name__}.Unnamed", *settings.MIDDLEWARE]
    assert Client().get("/empty/").status_code == 200
    assert route("")["requests"] == 1


class Unrendered:
    """Answers with a template that a middleware outside ours will render."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> TemplateResponse:
        return TemplateResponse(request, engines["django"].from_string("late"))


class Renders(Unrendered):
    def __call__(self, request: HttpRequest) -> TemplateResponse:
        return self.get_response(request).render()


def test_a_response_that_is_rendered_outside_is_not_touched(store: object, settings: Any) -> None:
    ours, here = settings.MIDDLEWARE[0], __name__
    settings.MIDDLEWARE = [f"{here}.Renders", ours, f"{here}.Unrendered"]
    assert Client().get("/empty/").content == b"late"
    assert snapshot()["routes"]["(none)"]["requests"] == 1


def test_a_sink_that_raises_loses_nothing(client: Client, route: Route) -> None:
    def broken(record: object) -> None:
        raise ConnectionRefusedError(111, "no log server")

    heard: list[object] = []
    finished.extend([broken, heard.append])
    try:
        with override(STRICT=False, STORE=settings.UNHURRIED["STORE"]):
            for _ in range(5):
                client.get("/empty/")
            assert route("empty/")["requests"] == 5
    finally:
        del finished[-2:]
    assert len(heard) == 5


@pytest.mark.parametrize("path", ["boom/", "aboom/"])
def test_an_error_is_known_by_its_line_and_class(client: Client, store: Path, path: str) -> None:
    """And by no word of its text, which may hold anything."""
    client.raise_request_exception = False
    for _ in range(3):
        client.get(f"/{path}")
    [row] = [row for row in window().samples if row.part == "error"]
    assert (row.unit, row.count, row.ns) == (("request", path), 3, 0)
    assert row.package == "RuntimeError"
    assert row.line == ("tests/urls.py:46" if path == "boom/" else "tests/urls.py:50")
