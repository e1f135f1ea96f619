"""What a tool's process can be asked to do; each kind of process is one part of the benchmark."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cache_site import data, http
from cache_site.setup import Place, Tool, configure

Handlers = dict[str, Callable[..., Any]]


def pages(tool: Tool, place: Place) -> Handlers:
    """Blocks of requests, and whether what comes back is right."""
    configure(tool, place)
    application = _application(tool)

    def block(url: str, first: int, count: int) -> float:
        return per_request(application, requests(url, first, count))

    def stale() -> list[str]:
        return [how for how in data.WRITES if _stale(tool, application, how)]

    def leaks(cookies: list[str]) -> bool:
        ann, bob = (http.environ("/hello/", cookie, plain=True) for cookie in cookies)
        for _ in range(2):
            http.send(application, dict(ann))
        return b"ann" in http.send(application, bob)

    def kept() -> bool:
        http.send(application, http.environ("/page/0/"))
        return selects(application, "/page/0/") == 0

    asked = {"stale": stale, "leaks": leaks, "kept": kept, "by_hand": lambda: bool(tool.written)}
    return {"block": block, **asked}


def _application(tool: Tool) -> http.Application:
    from django.core.wsgi import get_wsgi_application

    if not tool.door:
        return get_wsgi_application()
    from unhurried.cache import front_door

    return front_door(get_wsgi_application())


def requests(url: str, first: int, count: int) -> list[dict[str, Any]]:
    """Made before the clock starts; `{}` in the url counts on from `first`."""
    return [http.environ(url.format(first + n)) for n in range(count)]


def per_request(application: http.Application, asked: list[dict[str, Any]]) -> float:
    """CPU seconds of the process, all of its threads, per request; the first only warms up."""
    http.send(application, asked[0])
    began = time.process_time_ns()
    for request in asked[1:]:
        http.send(application, request)
    return (time.process_time_ns() - began) / (len(asked) - 1) / 1e9


def selects(application: http.Application, url: str) -> int:
    """Statements that a request asks of the ten tables."""
    from django.db import connection

    seen: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        seen.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        http.send(application, http.environ(url))
    return sum("part_" in sql for sql in seen)


def _stale(tool: Tool, application: http.Application, how: str) -> bool:
    """Is the page still the old one after a write of this form?"""
    for _ in range(2):
        http.send(application, http.environ("/page/0/", plain=True))
    new = f"NEW by {how} {data.LONG}"
    data.write(tool, data.parts()[0], new, how, of="body")
    return new.encode() not in http.send(application, http.environ("/page/0/", plain=True))


def crowd(tool: Tool, place: Place) -> Handlers:
    """Readers who wait at a gate, and come all at once."""
    configure(tool, place)
    from _cache_crowd import Crowd, write

    gate = Crowd(tool)
    return {"arm": gate.arm, "go": gate.go, "write": lambda name: write(tool, name)}


def writes(tool: Tool, place: Place) -> Handlers:
    configure(tool, place)
    from _cache_writes import Writer

    writer = Writer(tool, place)
    return {"fill": writer.fill, "write": writer.write, "right": writer.right}


def get(tool: Tool, place: Place) -> Handlers:
    configure(tool, place)
    from _cache_get import Gets

    return {"block": Gets(tool, place).block}


def prepare(tool: Tool, place: Place) -> Handlers:
    """The database that each process gets a copy of, and the cookies of its two users."""
    configure(tool, place)

    def cookies() -> list[str]:
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", run_syncdb=True, verbosity=0)
        call_command("createcachetable", "entries", verbosity=0)  # whatever the tool
        data.fill()
        found = [data.login(name) for name in ("ann", "bob")]
        connection.close()
        return found

    return {"cookies": cookies}


KINDS: dict[str, Callable[[Tool, Place], Handlers]] = {
    "pages": pages,
    "get": get,
    "crowd": crowd,
    "writes": writes,
    "prepare": prepare,
}
