"""The forced races where a real server keeps the data, the tokens or the entries."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import servers
from tests.cache.races.cells import SERVED, Cell
from tests.cache.races.contents import scenarios
from tests.cache.races.driver import Sites

pytestmark = pytest.mark.busy


@pytest.fixture(scope="session")
def preparing_postgres() -> Iterator[servers.Server]:
    """The suite's own, for it must know COMMIT PREPARED."""
    with servers.postgres("fsync=off", "max_prepared_transactions=10") as server:
        yield server


@pytest.fixture(scope="module")
def sites(tmp_path_factory: Any, request: Any) -> Iterator[Any]:
    """The cell's, begun when first asked for."""
    begun: dict[Cell, Sites] = {}

    def of(cell: Cell) -> Sites:
        if cell not in begun:
            folder = tmp_path_factory.mktemp(str(cell))
            begun[cell] = Sites(cell, folder, ports(cell, folder, request))
        return begun[cell]

    yield of
    for each in begun.values():
        each.end()


def ports(cell: Cell, folder: Path, request: Any) -> dict[str, int]:
    """Of the servers that the cell uses, started where they are not running."""
    names = {name for name in (cell.tokens, cell.entries) if name in ("redis", "memcached")}
    found = {name: request.getfixturevalue(f"{name}_server").port for name in names}
    if cell.vendor == "postgres":
        found["postgres"] = request.getfixturevalue("preparing_postgres").port
        create_databases(found["postgres"], folder.name)
    return found


def create_databases(port: int, name: str) -> None:
    with psycopg.connect(
        host="127.0.0.1", port=port, user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        for each in (name, f"{name}_other"):
            connection.execute(f'CREATE DATABASE "{each}"')


def sampled(at: int, cell: Cell) -> list[str]:
    """All of PostgreSQL with Redis; of the other cells each scenario in one or another.

    ``RACES=all`` plays all of them in each.
    """
    names = list(scenarios(cell))
    whole = os.environ.get("RACES") == "all" or str(cell) == "postgres-redis-redis"
    return names if whole else names[at % SHARE :: SHARE]


SHARE = 6
CELLS = [(cell, name) for at, cell in enumerate(SERVED) for name in sampled(at, cell)]


@pytest.mark.parametrize(("cell", "name"), CELLS, ids=str)
def test_race(sites: Any, cell: Cell, name: str) -> None:
    sites(cell).play(name)
