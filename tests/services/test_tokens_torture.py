"""Processes that write, read, and are killed between COMMIT and renewal; the data in SQLite.

A reader keeps what it has read with its tokens, as an entry would, and looks at the data behind
many of its hits. An entry may be stale while a dead writer's deadline runs, and not for longer.
"""

from __future__ import annotations

import mmap
import os
import random
import signal
import sqlite3
import time
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass

import pytest

from tests.measure.children import child
from tests.services.cache_site import caches, memcached_cache, redis_cache
from unhurried.cache._errors import Unavailable
from unhurried.cache._tokens._embedded import GLANCE, Embedded
from unhurried.cache._tokens._home import home_of

ROWS = 200
STOP, *READERS = range(3)  # places on the board
WRITERS = (3, 4)  # there: the row being written, counted from one, until it has been told of
LAST = 5  # the row of the last who died, counted from one: readers look there more than elsewhere
KILLS = 30
HITS = 3000
SLACK = 0.1  # seconds between a server's clock and its doing what is due


@dataclass
class Seen:
    """What a reader came across; ``worst`` is how long an entry was stale, in seconds."""

    hits: int = 0
    stale: int = 0
    worst: float = 0.0
    left: int = 0


def connect(path):
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
    return closing(connection)


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.sqlite3"
    with connect(path) as db:
        db.execute("CREATE TABLE d (id INT PRIMARY KEY, v INT)")
        db.executemany("INSERT INTO d VALUES (?, 0)", [(i,) for i in range(ROWS)])
    return path


@pytest.fixture(params=["embedded", "redis", "memcached"])
def home(request, tmp_path):
    if request.param == "embedded":
        yield Embedded("embedded", tmp_path / "tokens")
        return
    server = request.getfixturevalue(f"{request.param}_server")
    make = redis_cache if request.param == "redis" else memcached_cache
    with caches(tmp_path, default=make(server)):
        yield home_of("default")


@pytest.fixture
def deadline(home):
    return 2.0 if type(home).__name__ == "MemcachedTokens" else 0.5


def write(board, home, data, deadline, mortality, me):
    """Until told to stop, or dead."""
    chance = random.Random(os.getpid())
    with connect(data) as db:
        while not board[STOP]:
            row = chance.randrange(ROWS)
            tags = [f"default:torture{row}"]
            board[me] = row + 1
            db.execute("BEGIN IMMEDIATE")
            db.execute("UPDATE d SET v = v + 1 WHERE id = ?", (row,))
            home.touch(tags, deadline)
            db.execute("COMMIT")
            if chance.random() < mortality:
                board[LAST] = row + 1
                os.kill(os.getpid(), signal.SIGKILL)
            if chance.random() < 0.3:
                time.sleep(chance.random() * 0.002)
            home.renew(tags, deadline)
            board[me] = 0


def read(board, home, data, deadline, mortality, me):
    """Until told to stop; then once more, when all that pends is over."""
    chance = random.Random(os.getpid())
    entries, seen = {}, Seen()
    with connect(data) as db:
        while not board[STOP]:
            row = chance.randrange(ROWS) if chance.random() < 0.5 else max(board[LAST], 1) - 1
            tags = [f"default:torture{row}"]
            if is_valid(home, tags, entries.get(row)):
                board[me] = seen.hits = seen.hits + 1
                if chance.random() < 0.1:
                    look(home, db, row, tags, entries[row], seen, None if mortality else board)
                continue
            tokens = home.read(tags)
            value = select(db, row)
            if chance.random() < 0.2:
                time.sleep(chance.random() * 0.003)
            entries[row] = tokens, value
        time.sleep(deadline + SLACK)
        for row, entry in entries.items():
            if is_valid(home, [f"default:torture{row}"], entry) and entry[1] != select(db, row):
                seen.left += 1
    return asdict(seen)


def is_valid(home, tags, entry):
    if entry is None:
        return False
    known = dict(zip(tags, entry[0][1], strict=True))
    if isinstance(home, Embedded) and not home.check(entry[0][0], known)():
        return False
    return home.read(tags) == entry[0]


def select(db, row):
    return db.execute("SELECT v FROM d WHERE id = ?", (row,)).fetchone()[0]


def look(home, db, row, tags, entry, seen, board):
    """Whether the hit is stale, and for how long it is one: since the last write to the row.

    Where nobody dies (``board``), since that write has returned.
    """
    value = select(db, row)
    if value == entry[1]:
        return
    seen.stale += 1
    began = time.monotonic()
    while True:
        asked = time.monotonic()
        if not is_valid(home, tags, entry):
            return
        seen.worst = max(seen.worst, asked - began)
        if asked - began > 30:
            return
        busy = board is not None and row + 1 in [board[writer] for writer in WRITERS]
        if (now := select(db, row)) != value or busy:
            value, began = now, time.monotonic()
        time.sleep(0.0005)


def new_board():
    """Numbers that all processes see: whether to stop, and how far each reader is."""
    return memoryview(mmap.mmap(-1, 4096)).cast("Q")


def run(home, data, deadline, mortality=0.0, kills=0, meanwhile=None):
    """(what the readers saw, writers killed)."""
    board = new_board()
    with ExitStack() as stack:

        def start(work, *args):
            return stack.enter_context(child(lambda link: work(board, *args)))

        args = home, data, deadline, mortality
        readers = [start(read, *args, me) for me in READERS]
        writers = [start(write, *args, me) for me in WRITERS]
        others = [start(meanwhile)] if meanwhile else []
        killed, until = 0, time.monotonic() + 60
        while killed < kills or min(board[me] for me in READERS) < HITS:
            assert time.monotonic() < until, (killed, list(board[:3]))
            time.sleep(0.005)
            for i in [i for i, writer in enumerate(writers) if is_dead(writer)]:
                writers[i] = start(write, *args, WRITERS[i])
                killed += 1
        board[STOP] = 1
        for other in others:
            other.result()
        return [Seen(**reader.result()) for reader in readers], killed


def is_dead(writer):
    pid, status = os.waitpid(writer.pid, os.WNOHANG)
    if pid:
        writer._reaped = True
        assert os.WIFSIGNALED(status), "a writer failed: see its traceback"
    return bool(pid)


def test_no_entry_is_stale_beyond_the_deadline(home, data, deadline, record_property):
    seen, killed = run(home, data, deadline, mortality=0.01, kills=KILLS)
    record_property("killed", killed)
    record_property("seen", str(seen))
    assert sum(each.left for each in seen) == 0, seen
    assert max(each.worst for each in seen) <= deadline + SLACK, seen


def test_a_table_removed_under_everybody_is_stale_for_a_glance_at_most(data, tmp_path):
    """Who writes renews in the table it leaves; who only reads looks once a second."""
    home = Embedded("embedded", tmp_path / "tokens")

    def remove(board):
        while not board[STOP]:
            home.path.unlink(missing_ok=True)
            time.sleep(0.3)

    seen, _ = run(home, data, GLANCE, meanwhile=remove)
    assert sum(each.left for each in seen) == 0, seen
    assert max(each.worst for each in seen) <= GLANCE + SLACK, seen


def test_a_server_flushed_again_and_again_leaves_nothing_stale(data, tmp_path, redis_server):
    """Between touch and COMMIT, too: nobody dies, so each write is told of in the end."""
    with caches(tmp_path, default=redis_cache(redis_server)):
        home = home_of("default")

        def flush(board):
            while not board[STOP]:
                home.server.ask(("FLUSHALL",))
                time.sleep(0.01)

        seen, _ = run(home, data, 0.5, meanwhile=flush)
    assert sum(each.left for each in seen) == 0, seen
    assert max(each.worst for each in seen) <= SLACK, seen


def test_a_home_that_is_not_there_is_no_error_of_another_kind(tmp_path):
    with pytest.raises(Unavailable):
        Embedded("x", tmp_path / "no folder" / "tokens").read(["a"])
