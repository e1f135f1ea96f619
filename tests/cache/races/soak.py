"""Random interleavings for as long as you like: who is served something old?

    python -m tests.cache.races.soak --minutes 1 --cell sqlite-wal-embedded-locmem

Prints how many were played, how often something was served from the cache, and how often it was
old; the first such play in full. Each process has a database of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
from django.conf import settings

from tests import servers

from . import cells

STEPS = 10
#: Seconds, for the clients of servers.
PATIENT = {
    "RedisCache": {"socket_timeout": 60, "socket_connect_timeout": 60},
    "PyMemcacheCache": {"timeout": 60, "connect_timeout": 60},
}
#: What CI calls them.
NAMES = {
    "sqlite-embedded": "sqlite-wal-embedded-locmem",
    "postgres-redis": "postgres-redis-redis",
    "postgres-memcached": "postgres-memcached-memcached",
}


def configure(cell: cells.Cell, folder: Path, ports: dict[str, int], **more: Any) -> None:
    """Nobody waits: who meets a lock is told at once, who meets a lease computes.

    But for servers, however busy the machine: what cannot be asked can't be told to be old either.
    """
    values = {**cells.settings(cell, folder, ports, WAIT=0), **more}
    for database in values["DATABASES"].values():
        if cell.vendor == "sqlite":
            database["OPTIONS"]["timeout"] = 0
            database["OPTIONS"]["init_command"] += "; PRAGMA synchronous=off"
        else:
            database["OPTIONS"] = {"options": "-c lock_timeout=1"}
    for cache in values["CACHES"].values():  # who is asked late is no server that is away
        cache.setdefault("OPTIONS", {}).update(PATIENT.get(cache["BACKEND"].rpartition(".")[2], {}))
    settings.configure(**values)
    django.setup()


def driver() -> Any:
    """A connection past Django; in autocommit, for it must see what is committed now."""
    from django.db import connection

    parameters = connection.get_connection_params()
    if connection.vendor == "sqlite":
        connect = connection.Database.connect
        return connect(parameters["database"], isolation_level=None, check_same_thread=False)
    return connection.Database.connect(
        **{key: parameters[key] for key in ("host", "port", "user", "dbname")}, autocommit=True
    )


def soak(cell: cells.Cell, folder: Path, ports: dict[str, int], *limits: Any) -> dict[str, Any]:
    """In a process of its own, for so many seconds, from a seed."""
    seconds, seed = limits
    folder.mkdir()
    if cell.vendor == "postgres":
        create_database(ports["postgres"], folder.name)
    configure(cell, folder, ports)
    from . import site, world

    site.create_tables("default")
    place = world.World(driver(), name=f"soak{seed}")
    with world.renewing(place):
        done = played(place, random.Random(seed), time.monotonic() + seconds)
    place.end()
    return done


def played(place: Any, chance: random.Random, deadline: float) -> dict[str, Any]:
    from .world import StaleError, play

    done: dict[str, Any] = {"interleavings": 0, "stale": 0, "first": ""}
    while time.monotonic() < deadline:
        try:
            play(place, chance, STEPS)
        except StaleError as error:
            done["stale"] += 1
            done["first"] = done["first"] or "\n".join([*place.told, str(error), ""])
            with contextlib.suppress(StaleError):
                place.settle()
        done["interleavings"] += 1
    return {**done, "served": place.served}


def create_database(port: int, name: str) -> None:
    import psycopg

    where = {"host": "127.0.0.1", "port": port, "user": "postgres", "dbname": "postgres"}
    with psycopg.connect(**where, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')


@contextlib.contextmanager
def started(cell: cells.Cell) -> Iterator[dict[str, int]]:
    """Ports of the servers that the cell needs."""
    with contextlib.ExitStack() as stack:
        ports = {}
        for name in {cell.vendor, cell.tokens, cell.entries} & {"postgres", "redis", "memcached"}:
            options = ["fsync=off"] if name == "postgres" else []
            ports[name] = stack.enter_context(getattr(servers, name)(*options)).port
        yield ports


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--cell", default="sqlite-embedded")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    known = {str(cell): cell for cell in cells.EMBEDDED + cells.SERVED}
    cell = known[NAMES.get(given.cell, given.cell)]
    with started(cell) as ports, tempfile.TemporaryDirectory(prefix="soak") as name:
        folder, seconds = Path(name), given.minutes * 60
        work = [
            (cell, folder / f"{folder.name}{n}", ports, seconds, given.seed + n)
            for n in range(given.processes)
        ]
        with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
            results = pool.starmap(soak, work)
            pool.close()
            pool.join()  # else what they still write lies in a folder that is gone
    return said(cell, given.seed, results)


def said(cell: cells.Cell, seed: int, results: list[dict[str, Any]]) -> int:
    words = ("interleavings", "served", "stale")
    total = {each: sum(done[each] for done in results) for each in words}
    sys.stdout.write(json.dumps({"cell": str(cell), "seed": seed, **total}) + "\n")
    for done in results:
        sys.stdout.write(done["first"])
    return 1 if total["stale"] else 0


if __name__ == "__main__":
    sys.exit(main())
