"""The Redis that holds entries and tokens stops, dies, forgets, remembers too well, or is cut off.

A site under gunicorn is read and written all the while. There is no error page ever, nothing old is
served as fresh, and when it is over pages come from the cache again.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from tests import servers
from tests.cache.races.cells import Cell
from tests.services.proxy import Proxy
from tests.services.rows import ports_of, prepare, settings_file
from tests.services.rows_traffic import Traffic, serving, wait_until
from unhurried.cache._tokens._spool import EVERY

CELL = Cell("postgres", "redis", "redis")
DEADLINE = 2
#: What pends on the host is looked for once a second; this much for the looking.
GLANCE = EVERY + 0.5


class Redis:
    """A server that can be started again at its port, in its folder."""

    def __init__(self, folder: Path) -> None:
        self.port, self.folder, self._stack = servers.free_port(), folder, ExitStack()
        folder.mkdir()

    def start(self, *options: str) -> None:
        argv = [servers.executable("redis-server"), "--port", str(self.port), "--save", ""]
        argv += ["--bind", "127.0.0.1", "--dir", str(self.folder), *options]
        running = servers._running(argv, self.port, self.folder)
        self.pid = self._stack.enter_context(running).pid

    def stop(self) -> None:
        self._stack.close()

    def ask(self, *words: object) -> Any:
        with redis.Redis(port=self.port) as client:
            return client.execute_command(*words)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def settings(store: Redis, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Path]:
    """A settings file, whose Redis is at a port; the tables are there."""
    ports = ports_of(Cell("postgres", "", ""), tmp_path, request.getfixturevalue)

    def make(port: int = 0, **unhurried: Any) -> Path:
        places = {**ports, "redis": port or store.port}
        return settings_file(CELL, tmp_path, places, DEADLINE=DEADLINE, STRICT=False, **unhurried)

    prepare(make())
    return make


@pytest.fixture
def traffic(settings: Callable[..., Path]) -> Iterator[Traffic]:
    """Of one site, warm."""
    with serving(settings()) as site, Traffic(site, site) as traffic:
        traffic.hits_again()
        yield traffic


def recovers(traffic: Traffic) -> None:
    traffic.for_a_while(0.5)
    with traffic.no_writes():
        traffic.hits_again()
    traffic.for_a_while(0.5)


def test_stopped_and_continued(traffic: Traffic, store: Redis, say: Any) -> None:
    """Nothing is refused, nothing is answered."""
    os.kill(store.pid, signal.SIGSTOP)
    try:
        traffic.for_a_while(5)
    finally:
        os.kill(store.pid, signal.SIGCONT)
    recovers(traffic)
    say(traffic.judge(GLANCE))


def test_killed_and_restarted_empty(traffic: Traffic, store: Redis, say: Any) -> None:
    os.kill(store.pid, signal.SIGKILL)
    store.stop()
    traffic.for_a_while(2)
    store.start()
    recovers(traffic)
    say(traffic.judge())


def test_restarted_from_an_old_dump(traffic: Traffic, store: Redis, say: Any) -> None:
    """Entries and their very tokens come back together: only the server's run_id says no."""
    with traffic.no_writes():
        traffic.for_a_while(DEADLINE + 0.5)  # or the tokens' timeouts would be in it
        traffic.hits_again()
        store.ask("SAVE")
    traffic.for_a_while(1)
    with traffic.no_writes():
        store.stop()
        assert (store.folder / "dump.rdb").exists()
        store.start()
        assert store.ask("DBSIZE"), "nothing was restored"
        traffic.hits_again()
    recovers(traffic)
    say(traffic.judge())


def test_flushed_again_and_again(traffic: Traffic, store: Redis, say: Any) -> None:
    for _ in range(40):
        store.ask("FLUSHALL")
        traffic.for_a_while(0.05)
    recovers(traffic)
    say(traffic.judge())


def test_full_and_evicting(traffic: Traffic, store: Redis, say: Any) -> None:
    used = int(store.ask("INFO", "memory")["used_memory"])
    store.ask("CONFIG", "SET", "maxmemory", used + 1_000_000)
    store.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    until = time.monotonic() + 3
    numbers = itertools.count()
    with redis.Redis(port=store.port) as client:
        while time.monotonic() < until:
            with client.pipeline(transaction=False) as pipe:
                for number in itertools.islice(numbers, 100):
                    pipe.set(f"other{number}", b"x" * 2000)
                pipe.execute(raise_on_error=False)
            traffic.for_a_while(0.02)
    evicted = int(store.ask("INFO", "stats")["evicted_keys"])
    assert evicted > 1000
    store.ask("CONFIG", "SET", "maxmemory", 0)
    recovers(traffic)
    say(f"{evicted} evicted; {traffic.judge()}")


@pytest.fixture
def proxy(store: Redis) -> Iterator[Proxy]:
    with Proxy(store.port) as proxy:
        yield proxy


@pytest.mark.parametrize("host", ["this host", "another host"])
def test_the_writer_alone_is_cut_off(
    settings: Callable[..., Path], proxy: Proxy, host: str, say: Any, tmp_path: Path
) -> None:
    """Who reads here finds in the spool what pends, and renews it; another host can't know.

    There the window lasts as long as the cut, is counted, and closes within a second after it.
    """
    more = {} if host == "this host" else {"STORE": str(tmp_path / "elsewhere")}
    with ExitStack() as stack:
        reading = stack.enter_context(serving(settings(**more)))
        writing = stack.enter_context(serving(settings(proxy.port)))
        traffic = stack.enter_context(Traffic(reading, writing))
        traffic.hits_again()
        proxy.cut()
        cut = time.monotonic()
        traffic.for_a_while(4)
        proxy.mend()
        mended = time.monotonic()
        recovers(traffic)
    allowed = GLANCE if host == "this host" else mended - cut + GLANCE
    say(traffic.judge(allowed))
    late = [each for each in traffic.stale() if each[2].asked > mended + GLANCE]
    assert late == []


def test_what_is_strict_writes_nothing_that_it_cannot_announce(
    settings: Callable[..., Path], store: Redis, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    port = request.getfixturevalue("postgres_server").port
    with serving(settings(), ROWS_STRICT="1") as site:
        for row in (0, 1):  # in a transaction, and in autocommit
            assert site.write(row, 1).status == 200
        store.stop()
        assert [(site.write(row, 2)).status for row in (0, 1)] == [409, 409]
        assert values(port, tmp_path.name, 0, 1) == [1, 1]
        assert site.get("/row/0/").body == "1"
        store.start()
        for row in (0, 1):
            wait_until(lambda row=row: site.write(row, 3).status == 200)
        assert values(port, tmp_path.name, 0, 1) == [3, 3]


def values(port: int, database: str, *rows: int) -> list[int]:
    where = {"host": "127.0.0.1", "port": port, "user": "postgres", "dbname": database}
    with psycopg.connect(**where) as connection:
        asked = (connection.execute(f"SELECT value FROM rows_{row}").fetchone() for row in rows)
        return [found[0] for found in asked if found]
