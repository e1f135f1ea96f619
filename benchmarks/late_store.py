"""The late store: who serves an old value after its writer has committed and invalidated?

    .venvs/dev-3.11/bin/python benchmarks/late_store.py                     on SQLite
    .venvs/dev-3.11/bin/python benchmarks/late_store.py --data postgresql

A reader SELECTs and is stopped there. A writer saves the row, commits, and does by hand what the
tool's documentation asks for. The reader goes on: it stores what it has read. Then somebody else
reads. Nothing here is left to chance: the reader waits inside its own statement (Django's
``execute_wrapper``) until the writer has returned. Each tool has a process and a database of a real
Redis of its own, and has shown first that it does keep. "For how long" is what Redis says of the
old entry's ttl; for cacheback, what it says itself.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from cache_site.data import WRITES  # noqa: E402
from cache_site.setup import TTL, Place  # noqa: E402
from cache_site.tools import RACERS  # noqa: E402

from tests import servers  # noqa: E402

HEAD = "".join(f"{name:>10}" for name in WRITES)
PEERS = ("cacheback", "cachalot", "cacheops")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seconds", type=float, help="taken and ignored: nothing is timed here")
    parser.add_argument("--only", choices=list(RACERS))
    parser.add_argument("--race", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.race:
        return child(*options.race)
    names = [options.only] if options.only else list(RACERS)
    with places(options.data, len(names)) as found, ThreadPoolExecutor(2) as pool:
        told = dict(zip(names, pool.map(run, names, found), strict=True))
    return report(told, options.data)


@contextlib.contextmanager
def places(data: str, count: int) -> Iterator[list[Place]]:
    """A folder, a database of Redis and, if asked for, one of PostgreSQL, for each tool."""
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(servers.redis())
        postgres = 0
        if data == "postgresql":
            postgres = stack.enter_context(servers.postgres("fsync=off")).port
            create_databases(postgres, count)
        found = []
        for number in range(count):
            folder = tempfile.mkdtemp(prefix="unhurried-late-")
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            found.append(Place(folder, redis=redis.port, postgres=postgres, number=number))
        yield found


def create_databases(port: int, count: int) -> None:
    import psycopg

    with psycopg.connect(host="127.0.0.1", port=port, user="postgres", autocommit=True) as server:
        for number in range(count):
            server.execute(f"CREATE DATABASE bench_{number}")


def run(name: str, place: Place) -> dict[str, Any]:
    """What the tool's process tells; {"error": …} if it did not live to tell."""
    command = [sys.executable, __file__, "--race", name, json.dumps(asdict(place))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1], "trace": done.stderr[-2000:]}
    return json.loads(done.stdout)


def child(name: str, place: str) -> int:
    import _cache_race

    sys.stdout.write(json.dumps(_cache_race.tell(RACERS[name], Place(**json.loads(place)))))
    return 0


def report(told: dict[str, dict[str, Any]], data: str) -> int:
    """The table; 1 if ours served an old value or did not run, which no release may."""
    import django

    peers = ", ".join(f"{name} {version(f'django-{name}')}" for name in PEERS)
    print(f"Python {sys.version.split()[0]}, Django {django.__version__}, {peers}; data in {data}")
    print("\nread after a write: NEW is right, OLD is stale; first after writes that meet nobody")
    print(f"{'':24}{'keeps':8}{HEAD}{'late store':>12}   for how long")
    for name, found in told.items():
        print(row(name, found))
    print("* after a delete by hand beside the write")
    ours = [found for name, found in told.items() if name.startswith("unhurried")]
    for found in ours:
        print(found.get("trace", ""), end="", file=sys.stderr)
    return int(not all(right(found) for found in ours))


def right(found: dict[str, Any]) -> bool:
    return bool(found.get("kept")) and {*found["quiet"], found["raced"]} == {"NEW"}


def row(name: str, found: dict[str, Any]) -> str:
    if "error" in found:
        return f"{name:24}did not run: {found['error'][:90]}"
    if not found["kept"]:
        return f"{name:24}keeps nothing: it asked the database twice"
    mark = "*" if found["by_hand"] else " "
    quiet = "".join(f"{told + mark:>10}" for told in found["quiet"])
    return f"{name:24}{found['keeps']:8}{quiet}{found['raced']:>12}   {left(found)}"


def left(found: dict[str, Any]) -> str:
    if found["raced"] == "NEW":
        return "not at all"
    if found["left"] is None:
        return "for ever: no ttl, until the table is written again"
    return f"until its ttl is over, here {round(found['left'])} of {TTL} s"


if __name__ == "__main__":
    sys.exit(main())
