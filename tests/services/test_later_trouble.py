"""What waits while the world is in trouble: a locked database, dead brokers, a million rows."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.services.later_fleet import ROOT, environment, postgres, sqlite

LOCKED = 10.0  # seconds
BUDGET = 0.05  # seconds that a dead broker may add to a request
ROWS = 1_000_000
MEMORY = 250.0  # MB of a process that works off a million rows
Run = Callable[..., Any]


def site(folder: Path, database: dict[str, Any], later: str = "thread", broker: str = "") -> Run:
    """A function that runs one of the ways of ``later_site``, or starts it."""
    around = environment(folder, database, later, LATER_BROKER=broker)

    def start(*way: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "tests.services.later_site", *way]
        pipe = subprocess.PIPE
        return subprocess.Popen(argv, cwd=ROOT, env=around, stdout=pipe, stderr=pipe, text=True)

    def run(*way: str, wait: bool = True) -> Any:
        process = start(*way)
        return said(process) if wait else process

    run("tables")
    return run


def said(process: subprocess.Popen[str]) -> Any:
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error[-3000:]
    return json.loads(out) if out else None


def test_locked_for_ten_seconds_nothing_is_lost(tmp_path: Path, say: Callable[[str], None]) -> None:
    run = site(tmp_path, sqlite(tmp_path, timeout=1))
    assert [run("one") for _ in range(3)] == ["committed"] * 3
    holder = sqlite3.connect(tmp_path / "db.sqlite3", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    drainer = run("rest", wait=False)
    assert "locked" in run("one")  # and with it what it wanted done
    time.sleep(max(LOCKED - (time.monotonic() - begun), 0))
    assert drainer.poll() is None, drainer.communicate()
    holder.execute("ROLLBACK")
    holder.close()
    gone = time.monotonic()
    writes, _, _ = said(drainer)
    say(
        f"{writes} deferred writes applied, {time.monotonic() - gone:.1f} s after the lock was gone"
    )
    found = run("said")
    assert (found["sum"], found["dead"]) == (30, [])


@contextmanager
def black_hole() -> Iterator[int]:
    """A port where nobody answers: its queue of connections is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        others = [socket.socket() for _ in range(3)]
        for each in others:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        yield port
        for each in others:
            each.close()


@contextmanager
def closed() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield port


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
@pytest.mark.parametrize("dead", [closed, black_hole], ids=["closed", "black-holed"])
def test_a_dead_broker_is_not_waited_for_and_everything_is_done(
    dead: Any, scheme: str, tmp_path: Path, say: Callable[[str], None]
) -> None:
    database = sqlite(tmp_path, timeout=20, transaction_mode="IMMEDIATE")
    with dead() as port:
        run = site(tmp_path, database, "celery", f"{scheme}://127.0.0.1:{port}//")
        took, last = run("requests")
        found = run("said")
    p99 = sorted(took)[197]
    say(f"p99 of a request {p99 * 1e3:.1f} ms, the last done {last:.1f} s after it")
    assert (found["sum"], found["proofs"], found["dead"]) == (200, 200, [])
    assert p99 <= 5 * BUDGET


@pytest.mark.busy
def test_a_million_rows_in_bounded_memory(
    postgres_server: Any, tmp_path: Path, say: Callable[[str], None]
) -> None:
    run = site(tmp_path, postgres(postgres_server, tmp_path.name))
    address = f"host=127.0.0.1 port={postgres_server.port} user=postgres dbname={tmp_path.name}"
    with psycopg.connect(address) as connection:
        connection.execute(
            """INSERT INTO unhurried_later_waiting
                   (lane, kind, target, body, actor, attempts, holder)
            SELECT 'inbox.Message', 'update', 'inbox.Message',
                   '{"pk":[' || 1 + n %% 10 || '],"add":{"weight":1}}', '', 0, ''
            FROM generate_series(1, %s) AS n""",
            [ROWS],
        )
    writes, most, seconds = run("rest")
    found = run("said")
    say(f"{writes:,} applied with at most {most:.0f} MB, {writes / seconds:,.0f} a second")
    assert (writes, found["sum"], found["dead"]) == (ROWS, ROWS, [])
    assert most < MEMORY
