"""Kicks through Celery: a real worker on a real Redis, and brokers that are dead in every way."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import celery
import pytest
import redis

from tests import servers
from tests.measure.children import in_child
from unhurried import testing
from unhurried.later import _breaker, _brokers, _celery, _kick, _lanes, _pending
from unhurried.later.reading import figures, kick
from unhurried.measure import snapshot

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 30
BUDGET = 0.05  # seconds that a kick may add to a request


def wait_until(holds: Callable[[], Any], what: Callable[[], object] = figures) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"waited {WAIT_SECONDS} s: {what()}"
        time.sleep(0.005)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The pids that have drained in this process, with kicks of this test's own."""
    drained: list[int] = []
    fresh = _kick.Kicks()
    monkeypatch.setattr(_kick, "_kicks", fresh)
    monkeypatch.setattr(_brokers, "_brokers", {})
    monkeypatch.setattr(_lanes, "_lanes", {"mark": lambda: drained.append(os.getpid())})
    yield drained
    for worker in (fresh.sender, fresh.drainer):
        worker.stop()
    wait_until(lambda: not (fresh.sender.alive or fresh.drainer.alive))
    broker = _brokers._brokers.get("celery")
    if isinstance(broker, _celery.CeleryBroker):
        broker._close()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, here: list[int], store: Path) -> Iterator[Any]:
    """A function that makes the site's Celery app use a broker."""

    def use(url: str) -> celery.Celery:
        app = celery.Celery("web", broker=url, set_as_current=False)
        monkeypatch.setattr(_celery, "_app", app)
        return app

    # What fails here is the world: were it taken for a bug, STRICT would raise it in the thread.
    with testing.override(STORE=store, LATER="celery", STRICT=True):
        yield use


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that lives is not taken for dead, however busy this machine is."""
    monkeypatch.setattr(_pending, "PATIENCE", float(WAIT_SECONDS))


@contextlib.contextmanager
def worker(url: str, folder: Path) -> Iterator[Path]:
    """A worker with its log; it goes on SIGTERM."""
    argv = [sys.executable, "-m", "celery", "-A", "tests.services.kick_site", "worker"]
    argv += ["-P", "solo", "-l", "INFO", "--without-gossip", "--without-mingle"]
    environment = {**os.environ, "KICK_BROKER": url, "KICK_FOLDER": str(folder)}
    path = folder / "worker.log"
    with path.open("wb") as log:
        process = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: "ready." in path.read_text(), path.read_text)
        yield path
    finally:
        process.terminate()
        try:
            process.wait(servers.STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.mark.usefixtures("patient")
def test_a_worker_drains_what_a_request_kicks(
    redis_server: servers.Server, site: Any, here: list[int], tmp_path: Path
) -> None:
    url = f"redis://127.0.0.1:{redis_server.port}/5"
    site(url)
    marks = tmp_path / "marks"
    with worker(url, tmp_path) as log:
        assert kick("mark", label="pins.views.feed")
        wait_until(marks.exists, log.read_text)
        for _ in range(50):
            kick("mark")
        wait_until(lambda: figures().waiting == 0)
        sent = figures().sent
        wait_until(lambda: len(marks.read_text().split()) == sent, log.read_text)
        assert 2 <= sent < 51  # of 51: kicks on their way are one
        assert "unhurried.drain mark: pins.views.feed[" in log.read_text()
        assert "succeeded" in log.read_text()
    assert str(os.getpid()) not in marks.read_text().split()
    assert here == []
    with testing.override(STORE=tmp_path / "store"):
        assert snapshot()["routes"]["later:mark"]["requests"] == sent


class Dead:
    """Brokers that are dead: how to make one, as a context manager that gives the port."""

    @staticmethod
    @contextlib.contextmanager
    def closed() -> Iterator[int]:
        """Nobody listens: refused at once."""
        yield servers.free_port()

    @staticmethod
    @contextlib.contextmanager
    def silent() -> Iterator[int]:
        """It takes the connection and never says a word."""
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
            yield listener.getsockname()[1]

    @staticmethod
    @contextlib.contextmanager
    def full() -> Iterator[int]:
        """It drops whoever knocks, as a network does that is cut."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
            port = listener.getsockname()[1]
            with contextlib.ExitStack() as stack:
                for _ in range(4):
                    caller = stack.enter_context(socket.socket())
                    caller.setblocking(False)
                    caller.connect_ex(("127.0.0.1", port))
                yield port


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
@pytest.mark.parametrize("how", ["closed", "silent", "full"])
def test_a_dead_broker_slows_no_request(
    how: str, scheme: str, site: Any, here: list[int], record_property: Any
) -> None:
    """Kicks for three seconds, with the probes that fall into them; the work is done here."""
    with getattr(Dead, how)() as port:
        site(f"{scheme}://127.0.0.1:{port}//")
        took = []
        until = time.monotonic() + 3
        while time.monotonic() < until:
            began = time.perf_counter()
            assert kick("mark")
            took.append(time.perf_counter() - began)
            time.sleep(0.01)
        wait_until(lambda: figures().waiting == 0)
    took.sort()
    p99, slowest = took[int(len(took) * 0.99)], took[-1]
    text = f"{len(took)} kicks, p99 {p99 * 1e6:.0f} us, slowest {slowest * 1e6:.0f} us"
    sys.stdout.write(f"{scheme}, {how}: {text}; {figures()}\n")
    record_property(f"kick.{scheme}.{how}", text)
    assert p99 < 5 * BUDGET
    assert here
    assert figures().sent == 0
    assert figures().breaker == "open"
    assert 1 <= figures().failed + figures().late <= 5


@pytest.mark.usefixtures("patient")
def test_a_broker_that_stops_answering_and_comes_back(
    site: Any, here: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped with the connection open: nothing is refused, nothing is answered."""
    monkeypatch.setattr(_breaker, "LONGEST", 1.0)
    with servers.redis() as server:
        site(f"redis://127.0.0.1:{server.port}/0")
        kick("mark")
        wait_until(lambda: figures().sent == 1)
        assert here == []
        with server.silent():
            kick("mark")
            wait_until(lambda: here == [os.getpid()])
            assert figures().breaker == "open"

        def again() -> bool:
            kick("mark")
            time.sleep(0.05)
            return figures().breaker == "closed"

        wait_until(again)
        wait_until(lambda: not figures().waiting)
        before, drained = figures().sent, len(here)
        kick("mark")
        wait_until(lambda: figures().sent == before + 1 and not figures().waiting)
        assert len(here) == drained


@pytest.mark.usefixtures("patient")
def test_a_connection_that_was_cut_is_opened_anew(
    redis_server: servers.Server, site: Any, here: list[int]
) -> None:
    site(f"redis://127.0.0.1:{redis_server.port}/6")
    kick("mark")
    wait_until(lambda: figures().sent == 1)
    with redis.Redis(port=redis_server.port) as admin:
        admin.execute_command("CLIENT", "KILL", "TYPE", "normal")
    kick("mark")
    wait_until(lambda: figures().sent == 2)
    assert (figures().failed, here) == (0, [])


def kick_in_child() -> list[int]:
    kick("mark")
    wait_until(lambda: figures().sent == 1)
    return [figures().kicks, figures().failed]


@pytest.mark.usefixtures("patient")
def test_a_child_has_a_connection_of_its_own(
    redis_server: servers.Server, site: Any, here: list[int]
) -> None:
    site(f"redis://127.0.0.1:{redis_server.port}/7")
    with redis.Redis(port=redis_server.port, db=7) as admin:
        admin.flushdb()
        kick("mark")
        wait_until(lambda: figures().sent == 1)
        mine = _brokers._brokers["celery"]._connection  # type: ignore[attr-defined]
        assert in_child(kick_in_child) == [1, 0]
        kick("mark")
        wait_until(lambda: figures().sent == 2)
        assert _brokers._brokers["celery"]._connection is mine  # type: ignore[attr-defined]
        assert admin.llen("celery") == 3
    assert (figures().failed, here) == (0, [])
