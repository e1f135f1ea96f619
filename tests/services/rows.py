"""The test's side of ``rows_site``: its settings as a file, in a cell with servers that run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from tests.cache.races.cells import Cell, settings
from tests.cache.races.driver import Site

ROWS = 20
#: Seconds that the slow pages work.
WORK = 1.5


def ports_of(cell: Cell, folder: Path, server: Callable[[str], Any]) -> dict[str, int]:
    """Of the fixtures that the cell needs; its databases are created."""
    names = {cell.vendor, cell.tokens, cell.entries} & {"postgres", "redis", "memcached"}
    ports = {name: server(f"{name}_server").port for name in names}
    if "postgres" in ports:
        create_database(ports["postgres"], folder.name)
    return ports


def create_database(port: int, name: str) -> None:
    where = {"host": "127.0.0.1", "port": port, "user": "postgres", "dbname": "postgres"}
    with psycopg.connect(**where, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')


def settings_file(cell: Cell, folder: Path, ports: dict[str, int], **unhurried: Any) -> Path:
    """For the environment variable ROWS_SETTINGS."""
    found = settings(cell, folder, ports, **unhurried)
    found["ROOT_URLCONF"] = "tests.services.rows_site"
    found["LOGGING_CONFIG"] = None  # so that errors stand in the process's log
    for database in found["DATABASES"].values():
        if cell.vendor == "sqlite":
            database["OPTIONS"]["timeout"] = 20  # twenty want to write at once
    path = folder / f"settings-{len(list(folder.glob('settings-*')))}.json"
    path.write_text(json.dumps(found))
    return path


def prepare(path: Path) -> None:
    """The tables, made by a process of their own."""
    site = Site(path, path.with_name("preparer.log"), "tests.services.kill_site")
    site.ask("prepare")
    site.end()


def computed(folder: Path, number: int) -> int:
    """How often a row was, in all processes."""
    try:
        return (folder / f"computed-{number}").stat().st_size
    except FileNotFoundError:
        return 0
