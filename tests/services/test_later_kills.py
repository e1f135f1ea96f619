"""``kill -9`` at random points: what was committed is done, once, within ten seconds.

Twenty kills in each cell; ``KILLS=125`` in the environment makes it a thousand in all.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.services.later_fleet import Fleet, environment, postgres, sqlite

KILLS = int(os.environ.get("KILLS", "20"))
DEADLINE = 10.0  # seconds from the last kill to the last thing done
CELLS = [
    (database, later)
    for database in ("postgres", "sqlite")
    for later in ("thread", "tasks-db", "celery-rabbitmq", "celery-redis")
]
WORKERS = {
    "tasks:default": ["-m", "django", "db_worker", "--interval", "0.1"],
    "celery": [
        *("-m", "celery", "-A", "tests.services.later_site", "worker", "-c", "2"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ],
}


@pytest.fixture(params=CELLS, ids="-".join)
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fleet]:
    database, later = request.param
    if database == "sqlite":
        rows = sqlite(tmp_path, timeout=20, transaction_mode="IMMEDIATE")
    else:
        name = f"later_{random.getrandbits(32):x}"
        rows = postgres(request.getfixturevalue("postgres_server"), name)
    more = {"LATER_BROKER": _broker(later, request)} if later.startswith("celery") else {}
    name = {"thread": "thread", "tasks-db": "tasks:default"}.get(later, "celery")
    with ExitStack() as stack:
        yield Fleet(environment(tmp_path, rows, name, **more), tmp_path, stack)


def _broker(kind: str, request: pytest.FixtureRequest) -> str:
    if kind == "celery-redis":
        return f"redis://127.0.0.1:{request.getfixturevalue('redis_server').port}/5"
    return f"amqp://guest:guest@127.0.0.1:{request.getfixturevalue('rabbitmq_server').port}//"


def test_what_was_committed_is_done_once(fleet: Fleet, say: Callable[[str], None]) -> None:
    fleet.run("-m", "tests.services.later_site", "tables")
    later = fleet.environment["LATER"]
    fleet.start("web", "-m", "tests.services.later_site", "preload")
    for number in range(2 if later in WORKERS else 0):
        fleet.start(f"worker {number}", *WORKERS[later])
    _kill_at_random(fleet)
    _until_many_were_sent(fleet)
    (fleet.folder / "quiet").touch()
    seconds = _until_done(fleet)
    found = json.loads(fleet.run("-m", "tests.services.later_site", "said"))
    say(
        f"{KILLS} killed; {found['sent']} committed, {found['sum'] / 3:g} sums and "
        f"{found['proofs']} tasks done, the last {seconds:.1f} s after the last death"
    )
    assert found["dead"] == []
    assert found["sent"] > KILLS
    assert found["sum"] == 3 * found["sent"]
    assert found["proofs"] == found["different"] == found["sent"]


def test_when_every_kick_is_lost_the_sweep_finds_it(
    fleet: Fleet, say: Callable[[str], None]
) -> None:
    fleet.run("-m", "tests.services.later_site", "tables")
    later = fleet.environment["LATER"]
    if later in WORKERS:
        fleet.start("worker", *WORKERS[later])
    seconds = json.loads(fleet.run("-m", "tests.services.later_site", "unheard"))
    found = json.loads(fleet.run("-m", "tests.services.later_site", "said"))
    say(f"{found['sent']} committed and not told of, done {seconds:.1f} s after the last")
    assert found["sent"] > 0
    assert (found["sum"], found["dead"]) == (3 * found["sent"], [])
    assert found["proofs"] == found["different"] == found["sent"]
    assert seconds < 5 * DEADLINE, fleet.log()


def _kill_at_random(fleet: Fleet) -> None:
    """Children that others have forked, mostly; and workers as a whole, with their parents."""
    workers = [name for name in fleet.processes if name != "web"]
    time.sleep(3 if workers else 1)  # until they work
    killed = 0
    while killed < KILLS:
        time.sleep(random.uniform(0.05, 0.6))
        fleet.revive(*workers)
        if not workers or random.random() < 0.5:
            killed += fleet.kill_child("web")
        elif fleet.environment["LATER"] == "celery" and random.random() < 0.7:
            killed += fleet.kill_child(random.choice(workers))
        else:
            fleet.kill(random.choice(workers))
            killed += 1


def _until_many_were_sent(fleet: Fleet) -> None:
    """On a busy machine most are killed before they have sent anything."""
    begun = time.monotonic()
    while json.loads(fleet.run("-m", "tests.services.later_site", "said"))["sent"] <= KILLS:
        assert time.monotonic() < begun + 5 * DEADLINE, fleet.log()
        time.sleep(0.1)


def _until_done(fleet: Fleet) -> float:
    """Seconds until nothing waits, of five times as many as there may be."""
    begun = time.monotonic()
    while left := json.loads(fleet.run("-m", "tests.services.later_site", "left")):
        assert time.monotonic() < begun + 5 * DEADLINE, f"{left} left\n{fleet.log()}"
        fleet.revive(*(name for name in fleet.processes if name != "web"))
        time.sleep(0.1)
    return time.monotonic() - begun
