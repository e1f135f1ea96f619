"""What a process says of itself: once, at its first request, by the server that is on the stack."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client, override_settings
from django.test.testcases import LiveServerThread, _StaticFilesHandler

from tests.measure.children import in_child
from unhurried.measure import _layout as L
from unhurried.measure import _processes, measured
from unhurried.measure._snapshot import reader
from unhurried.measure.reading import Process, window

CALL = "def call(f, self=None):\n    return f()\n"


def process() -> Process:
    [found] = window().processes
    return found


def under(name: str, function: Any, worker: Any = None) -> Any:
    """Call it from a module of this name, as that server does."""
    scope: dict[str, Any] = {"__name__": name}
    exec(CALL, scope)
    return scope["call"](function, worker)


@pytest.mark.parametrize(
    ("module", "server"),
    [
        ("gunicorn.workers.sync", "gunicorn sync"),
        ("gunicorn.workers.gthread", "gunicorn gthread"),
        ("gunicorn.workers.base_async", "gunicorn greenlets"),
        ("uvicorn.protocols.http.h11_impl", "uvicorn"),
        ("hypercorn.protocol.h2", "hypercorn"),
        ("daphne.server", "daphne"),
        ("waitress.task", "waitress"),
        ("granian.wsgi", "granian"),
        ("django.core.servers.basehttp", "runserver"),
        ("werkzeug.serving", "runserver"),
        ("gunicorn.arbiter", "unknown"),
        ("unicorn.workers", "unknown"),
    ],
)
def test_the_server_is_on_the_stack(client: Client, store: Path, module: str, server: str) -> None:
    under(module, lambda: client.get("/empty/"))
    assert _processes.SERVERS[process().server] == server
    assert process().threads == (1 if server == "gunicorn sync" else 0)


def test_the_innermost_server_counts(client: Client, store: Path) -> None:
    """gunicorn's sync worker is not what makes a page of a uvicorn worker's."""
    under("gunicorn.workers.sync", lambda: under("uvicorn.main", lambda: client.get("/empty/")))
    assert _processes.SERVERS[process().server] == "uvicorn"


@pytest.mark.parametrize(
    ("threads", "expected"), [(6, 6), (0, 0), ("6", 0), (None, 0)], ids=["6", "0", "text", "none"]
)
def test_threads_of_gunicorn_s_worker(
    client: Client, store: Path, threads: Any, expected: int
) -> None:
    worker = ModuleType("worker")
    worker.cfg = ModuleType("cfg")  # type: ignore[attr-defined]
    worker.cfg.threads = threads  # type: ignore[attr-defined]
    under("gunicorn.workers.gthread", lambda: client.get("/empty/"), worker)
    assert process().threads == expected


@pytest.mark.parametrize(
    ("name", "has", "threads"),
    [
        ("uwsgi", {"opt": {b"threads": b"4"}}, 4),
        ("uwsgi", {"opt": {"threads": b"4", "enable-threads": True}}, 4),
        ("uwsgi", {"opt": {b"gevent": b"100", b"threads": b"4"}}, 100),
        ("uwsgi", {"opt": {}}, 1),
        ("uwsgi", {"opt": {b"threads": [b"1", b"2"]}}, 1),
        ("mod_wsgi", {"threads_per_process": 15}, 15),
        ("mod_wsgi", {}, 0),
    ],
)
def test_servers_that_are_no_python(
    client: Client, store: Path, monkeypatch: pytest.MonkeyPatch, name: str, has: Any, threads: int
) -> None:
    module = ModuleType(name)
    vars(module).update(has)
    monkeypatch.setitem(sys.modules, name, module)
    client.get("/empty/")
    assert (_processes.SERVERS[process().server], process().threads) == (name, threads)


def test_django_s_own_server(store: Path) -> None:
    thread = LiveServerThread("127.0.0.1", _StaticFilesHandler)
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{thread.port}/empty/") as answer:
            assert answer.status == 200
    finally:
        thread.terminate()
        thread.join()
    assert _processes.SERVERS[process().server] == "runserver"


@pytest.mark.parametrize("debug", [True, False])
def test_debug(client: Client, store: Path, debug: bool) -> None:
    with override_settings(DEBUG=debug):
        client.get("/empty/")
    assert process().debug is debug


def test_it_is_said_once(client: Client, store: Path) -> None:
    client.get("/empty/")
    under("waitress.task", lambda: client.get("/empty/"))
    assert process().server == 0


@pytest.mark.django_db
def test_what_is_no_server_says_nothing(client: Client, store: Path) -> None:
    with measured("nightly"):
        client.get("/empty/")
    call_command("check", verbosity=0)
    with measured("again"):
        pass
    assert window().processes == []


def test_the_next_process_in_the_slot_has_to_say_it_itself(client: Client, store: Path) -> None:
    def serve() -> None:
        under("gunicorn.workers.sync", lambda: client.get("/empty/"))

    in_child(serve)
    with measured("a script"):
        pass
    source = reader()
    assert source is not None
    source.refresh()
    group = L.GROUPS["process"]
    [slot] = source.slots.values()
    lanes = dict(zip(L.PROCESS, slot.words[group.start : group.start + group.words], strict=True))
    assert [lanes[name] for name in ("threads", "server", "debug", "configured")] == [0, 0, 0, 0]
    assert window().processes == []
