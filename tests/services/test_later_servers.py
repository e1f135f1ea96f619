"""Under each server: what its requests put off is done by a thread of one of its processes."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import servers
from tests.services.edges import get, wait_until
from tests.services.later_fleet import Fleet, environment, sqlite

REQUESTS = 20
DEADLINE = 10.0  # seconds
SITE = "tests.services.later_web"
UWSGI = [*("uwsgi", "--master", "--processes", "2", "--die-on-term"), "--module", f"{SITE}:wsgi"]
SERVERS = {
    "gunicorn": ["gunicorn", "-w", "2", "-b", "{where}", f"{SITE}:wsgi"],
    "gunicorn-preload": ["gunicorn", "--preload", "-w", "2", "-b", "{where}", f"{SITE}:wsgi"],
    "granian-wsgi": ["granian", "--interface", "wsgi", "--workers", "2", f"{SITE}:wsgi"],
    "granian-asgi": ["granian", "--interface", "asginl", "--workers", "2", f"{SITE}:asgi"],
    "uvicorn": ["uvicorn", "--workers", "2", f"{SITE}:asgi"],
    "uwsgi": [*UWSGI, "--enable-threads", "--py-call-osafterfork", "--http-socket", "{where}"],
    "uwsgi-lazy": [*UWSGI, "--enable-threads", "--lazy-apps", "--http-socket", "{where}"],
    "runserver": ["django-admin", "runserver", "--noreload", "{where}"],
}


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    rows = sqlite(tmp_path, timeout=20, transaction_mode="IMMEDIATE")
    with ExitStack() as stack:
        made = Fleet(environment(tmp_path, rows, LATER_URLS=SITE), tmp_path, stack)
        made.run("-m", "tests.services.later_site", "tables")
        yield made


def serve(fleet: Fleet, program: str, *options: str) -> int:
    """The port at which it answers."""
    port = servers.free_port()
    where = f"127.0.0.1:{port}"
    argv = [option.format(where=where) for option in options]
    if program in ("granian", "uvicorn"):
        argv += ["--host", "127.0.0.1", "--port", str(port)]
    fleet.start("web", str(Path(sys.executable).with_name(program)), *argv)
    wait_until(lambda: answers(port))
    return port


def answers(port: int) -> bool:
    try:
        return get(port, "/nothing/here/").status == 404
    except OSError:
        return False


def done(fleet: Fleet) -> list[int]:
    found = json.loads(fleet.run("-m", "tests.services.later_site", "said"))
    return [found["sent"], found["sum"], found["proofs"], found["different"], len(found["dead"])]


@pytest.mark.parametrize("server", SERVERS)
def test_what_is_put_off_is_done(server: str, fleet: Fleet, say: Callable[[str], None]) -> None:
    port = serve(fleet, *SERVERS[server])
    for number in range(REQUESTS):
        assert get(port, f"/{number}/").text == "[]"  # nothing is found wrong
    begun = time.monotonic()
    wait_until(lambda: done(fleet)[1:] == [10 * REQUESTS, REQUESTS, REQUESTS, 0], 5 * DEADLINE)
    say(f"done {time.monotonic() - begun:.1f} s after the last request")
    web = fleet.processes["web"]
    web.send_signal(signal.SIGTERM)
    assert web.wait(5 * DEADLINE) in (0, -signal.SIGTERM), fleet.log()


def test_uwsgi_without_threads_is_found(fleet: Fleet) -> None:
    """Nothing is lost: whoever drains finds it."""
    port = serve(fleet, *UWSGI, "--http-socket", "{where}")
    for number in range(REQUESTS):
        assert get(port, f"/{number}/").text == '["threads"]'
    fleet.run("-m", "django", "unhurried", "drain", "--once")
    assert done(fleet)[1:] == [10 * REQUESTS, REQUESTS, REQUESTS, 0]
