"""Databases that are cut off in the middle of a COMMIT, locked for ten seconds, or crowded."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import servers
from tests.services.proxy import Proxy
from tests.services.tally_cells import database_port, settings_file, site

ROOT = Path(__file__).parents[2]
PATIENCE = 30


class CommitProxy(Proxy):
    """When armed it is cut at the next COMMIT: "before" the server gets it, or its answer back."""

    def __init__(self, to: int) -> None:
        super().__init__(to)
        self.armed = ""

    def arm(self, when: str) -> None:
        self.armed = when

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        to_server = target.getpeername()[1] == self.to
        with suppress(OSError):
            while data := source.recv(65536):
                if to_server and self.armed and b"COMMIT" in data:
                    when, self.armed = self.armed, "answer" if self.armed == "after" else ""
                    if when == "after":
                        target.sendall(data)  # whoever carries the answer cuts
                        continue
                    self.cut()
                    break
                if not to_server and self.armed == "answer":
                    self.armed = ""
                    self.cut()
                    break
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._ends.discard(source)
        source.close()


@pytest.fixture
def postgres(tmp_path: Path, request: pytest.FixtureRequest) -> int:
    return database_port("postgres", tmp_path, request)


@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_that_is_cut_off_is_applied_once(
    when: str, first: bool, tmp_path: Path, postgres: int
) -> None:
    """By hand, and by the thread; before anything else of the process was flushed, and after it."""
    with (
        CommitProxy(postgres) as proxy,
        site(settings_file("postgres", tmp_path, postgres), "direct") as direct,
        site(settings_file("postgres", tmp_path, proxy.port)) as counting,
    ):
        direct.ask("prepare")
        total = 0
        if not first:
            counting.ask("add", 100)
            assert counting.ask("flush") == ""
            total = 100
        proxy.arm(when)
        counting.ask("add", 3)
        assert counting.ask("flush") in ("OperationalError", "InterfaceError")
        counting.ask("add", 40)  # goes with the next
        assert counting.ask("state") == {"lost": 43, "pending": 43}
        committed = rows(postgres, tmp_path)
        assert committed == total + (3 if when == "after" else 0)
        proxy.mend()
        settled = counting.ask("settle")
        assert settled["value"] == rows(postgres, tmp_path) == total + 43


def rows(port: int, folder: Path) -> int:
    where = {"host": "127.0.0.1", "port": port, "user": "postgres", "dbname": folder.name}
    with psycopg.connect(**where) as connection:
        return connection.execute("SELECT views FROM pages_page WHERE id = 1").fetchone()[0]


def test_a_database_that_is_away_and_comes_back(tmp_path: Path, postgres: int) -> None:
    with (
        Proxy(postgres) as proxy,
        site(settings_file("postgres", tmp_path, postgres), "direct") as direct,
        site(settings_file("postgres", tmp_path, proxy.port)) as counting,
    ):
        direct.ask("prepare")
        counting.ask("add", 1)
        counting.ask("settle")
        proxy.cut()
        told = counting.ask("add_while", 1.5)
        assert told["lost"] == told["added"] > 100
        assert rows(postgres, tmp_path) == 1
        proxy.mend()
        counting.ask("settle")
        assert rows(postgres, tmp_path) == 1 + told["added"]


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_sqlite_that_is_locked_for_ten_seconds(journal: str, tmp_path: Path) -> None:
    """Four processes count all the while; nobody waits, nobody gets an error, nothing is lost."""
    path = settings_file(f"sqlite-{journal}", tmp_path)
    with site(path) as first:
        first.ask("prepare")
        others = [stack_site(path, f"other-{n}") for n in range(3)]
        in_parallel(others, "state")  # they are there
        try:
            with locked(tmp_path / "db.sqlite3"):
                begun = time.monotonic()
                told = in_parallel([first, *others], "add_while", 9)  # they return: it is locked
                time.sleep(max(begun + 10 - time.monotonic(), 0))
            added = sum(each["added"] for each in told)
            in_parallel([first, *others], "settle")
            assert first.ask("stored")["views"] == added > 4000
        finally:
            for other in others:
                other.end()


def stack_site(path: Path, name: str) -> Any:
    entered = site(path, name)
    begun = entered.__enter__()
    begun.manager = entered  # or it would be closed with the last reference
    return begun


def in_parallel(sites: list[Any], *words: Any) -> list[Any]:
    found: dict[int, Any] = {}

    def ask(at: int) -> None:
        found[at] = sites[at].ask(*words)

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(len(sites))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[at] for at in range(len(sites))]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def test_rows_are_locked_in_the_order_of_their_keys(tmp_path: Path, postgres: int) -> None:
    """Not in that of the table, where who was updated last stands last; and keys stay free.

    Another holds row 2 of three, so that the flush stands there: it has 1, and not yet 3.
    """
    where = {"host": "127.0.0.1", "port": postgres, "user": "postgres", "dbname": tmp_path.name}
    with (
        site(settings_file("postgres", tmp_path, postgres)) as counting,
        psycopg.connect(**where) as holder,
        psycopg.connect(**where, autocommit=True) as asking,
    ):
        counting.ask("prepare")
        asking.execute("UPDATE pages_page SET likes = 1 WHERE id = 1")  # now it stands last
        holder.execute("SELECT FROM pages_page WHERE id = 2 FOR UPDATE")
        for pk in (3, 1, 2):
            counting.ask("add", 1, pk)
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        until = time.monotonic() + PATIENCE
        while not asking.execute(waits).fetchone()[0]:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert not is_free(asking, 1)
        assert is_free(asking, 3)
        asking.execute("SELECT FROM pages_page WHERE id = 1 FOR KEY SHARE NOWAIT")
        holder.rollback()
        counting.ask("settle")
    assert rows(postgres, tmp_path) == 1


def is_free(connection: Any, pk: int) -> bool:
    try:
        connection.execute(f"SELECT FROM pages_page WHERE id = {pk} FOR UPDATE NOWAIT")
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def test_an_overflow_is_dead_and_the_others_live(tmp_path: Path, postgres: int) -> None:
    with site(settings_file("postgres", tmp_path, postgres)) as counting:
        counting.ask("prepare")
        counting.ask("add", 2**31, 2)
        for pk in (1, 3, 4):
            counting.ask("add", pk, pk)
        counting.ask("settle")
        assert counting.ask("stored")["each"] == [1, 0, 3, 4]


# Servers that are told to go

WSGI, ASGI = (f"tests.services.tally_site:{kind}" for kind in ("wsgi()", "asgi"))
GUNICORN = ["gunicorn", "-b", "127.0.0.1:{port}", "-w", "2", "--graceful-timeout", "20"]
SERVERS = {
    "gunicorn": [*GUNICORN, WSGI],
    "gunicorn-preload": [*GUNICORN, "--preload", "--threads", "4", WSGI],
    "granian": ["granian", "--interface", "wsgi", "--factory", "--port", "{port}", WSGI[:-2]],
    "granian-asgi": ["granian", "--interface", "asgi", "--factory", "--port", "{port}", ASGI],
    "uvicorn": ["uvicorn", "--factory", "--port", "{port}", ASGI],
    "uvicorn-workers": ["uvicorn", "--factory", "--workers", "2", "--port", "{port}", ASGI],
}


@contextmanager
def serving(path: Path, *argv: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port, log = servers.free_port(), path.with_name("server.log")
    argv = (sys.executable, "-m", *(word.format(port=port) for word in argv))
    environment = {**os.environ, "TALLY_SETTINGS": str(path), "TALLY_EVERY": "3600"}
    with log.open("ab") as to:
        process = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=to, stderr=to)
    try:
        until = time.monotonic() + PATIENCE
        while not answers(port):
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield port, process
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("database", ["postgres", "sqlite-wal"])
@pytest.mark.parametrize("server", SERVERS)
def test_a_server_loses_nothing_at_sigterm(
    server: str, database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    port = database_port(database, tmp_path, request)
    path = settings_file(database, tmp_path, port)
    with site(path) as counting:
        counting.ask("prepare")
        with serving(path, *SERVERS[server]) as (listening, process):
            workers = {hit(listening) for _ in range(300)}
            assert counting.ask("total") == 0, "something was flushed before the end"
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
        assert workers
        found = counting.ask("stored")
        assert (found["views"], found["marks"]) == (300, 0)


def hit(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/hit/1/")
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read().decode()
    finally:
        connection.close()


def test_celery_loses_nothing_at_sigterm(
    tmp_path: Path, postgres: int, redis_server: servers.Server
) -> None:
    """Its children end without ``atexit``."""
    path = settings_file("postgres", tmp_path, postgres)
    url = f"redis://127.0.0.1:{redis_server.port}/9"
    environment = {**os.environ, "TALLY_SETTINGS": str(path), "TALLY_BROKER": url}
    environment["TALLY_EVERY"] = "3600"  # nothing is flushed before the end
    argv = [sys.executable, "-m", "celery", "-A", "tests.services.tally_site"]
    log = tmp_path / "celery.log"
    with site(path) as counting:
        counting.ask("prepare")
        code = "from tests.services.tally_site import task\nfor _ in range(200): task.delay(1)"
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
        worker = [*argv, "worker", "-c", "2", "-l", "INFO", "--without-gossip", "--without-mingle"]
        with log.open("wb") as to:
            process = subprocess.Popen(worker, cwd=ROOT, env=environment, stdout=to, stderr=to)
        try:
            until = time.monotonic() + PATIENCE
            while log.read_text().count(" succeeded in ") < 200:
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
            assert counting.ask("total") == 0, "something was flushed before the end"
            process.terminate()
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()
        assert counting.ask("stored")["views"] == 200
