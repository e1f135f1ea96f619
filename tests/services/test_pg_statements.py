"""What is counted equals what PostgreSQL counted itself (pg_stat_statements.calls), exactly.

The one side is the merged store of 8 processes x 4 threads, of tasks in event loops and of requests
that gather; the other the server's own table. Three things differ by nature and are set straight
by numbers of ours: a failing statement is a query for us and no call for the server; one
``executemany`` is a call for us and one a row for the server; what is asked outside every unit of
work is asked apart here. Transaction control is neither (``track_utility=off``). Of the server's
side we leave out what no cursor of Django's was asked: the time zone Django sets when it connects,
PostgreSQL's own checks of deferred foreign keys, and what our cache reads of the catalogue.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections

from tests import servers
from tests.books.models import Author, Book, Shop, Stock
from tests.services.pg_work import THREADS
from unhurried.measure import snapshot
from unhurried.testing import override

pytestmark = pytest.mark.busy

ROOT = Path(__file__).parents[2]
PROCESSES = 8
PATIENCE = 240.0  # seconds
MEASURED = ("mix", "gather/")
COUNT, ROWS, FAILED = range(3)
OPTIONS = (
    *("fsync=off", "synchronous_commit=off", "shared_preload_libraries=pg_stat_statements"),
    *("pg_stat_statements.track_utility=off", "pg_stat_statements.max=10000"),
)
CALLS = """
    SELECT query, calls FROM pg_stat_statements
    JOIN pg_database ON pg_database.oid = dbid WHERE datname = 'counted'
"""
#: Read by the cache's room over a connection of its own, once a process.
CATALOGUE = re.compile(
    r"pg_rewrite|pg_inherits|pg_constraint|pg_trigger|pg_proc|pg_policy|current_schemas"
)
SETTING_UP = re.compile(r"^SELECT set_config\(")
FOREIGN_KEY_CHECK = re.compile(
    r"^SELECT .* FROM ONLY .* OPERATOR\(pg_catalog\.=\) .* FOR KEY SHARE"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with servers.postgres(*OPTIONS) as running:
        yield running


def connect(server: Any, name: str) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=server.host, port=server.port, user="postgres", dbname=name, autocommit=True
    )


@pytest.fixture(scope="module")
def counted(
    server: Any, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> dict[str, Any]:
    """Both sides of all that the processes did."""
    folder = tmp_path_factory.mktemp("counted")
    with connect(server, "postgres") as admin:
        admin.execute("CREATE DATABASE counted")
        admin.execute("CREATE EXTENSION pg_stat_statements")
        with django_db_blocker.unblock():
            make_tables(server)
        admin.execute("SELECT pg_stat_statements_reset()")
        work(server, folder)
        theirs = [row for row in admin.execute(CALLS) if not CATALOGUE.search(row[0])]
    with override(STORE=folder / "store"):
        routes = snapshot()["routes"]
    outs = [json.loads((folder / f"{seed}.json").read_text()) for seed in range(PROCESSES)]
    return {"theirs": theirs, "routes": routes, "remembered": outs}


def make_tables(server: Any) -> None:
    settings = connections.settings
    address = {"HOST": server.host, "PORT": str(server.port), "USER": "postgres"}
    settings["counted"] = {
        **settings["default"],
        **address,
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "counted",
    }
    with connections["counted"].schema_editor() as editor:
        for model in (Author, Book, Shop, Stock):  # a deletion asks them all
            editor.create_model(model)
    connections["counted"].close()
    del connections["counted"], settings["counted"]


def work(server: Any, folder: Path) -> None:
    environment = os.environ | {"PG_PORT": str(server.port), "PG_STORE": str(folder / "store")}
    environment["PYTHONPATH"] = str(ROOT)
    running = []
    for seed in range(PROCESSES):
        argv = [sys.executable, "-m", "tests.services.pg_work", str(seed)]
        argv.append(str(folder / f"{seed}.json"))
        with (folder / f"{seed}.log").open("wb") as log:
            running.append(subprocess.Popen(argv, env=environment, stdout=log, stderr=log))
    try:
        for seed, process in enumerate(running):
            code = process.wait(PATIENCE)
            assert code == 0, (folder / f"{seed}.log").read_text()[-3000:]
    finally:
        for process in running:
            process.kill()


def ours(counted: dict[str, Any]) -> Counter[str]:
    """{text: calls the server should have counted}, of what the units of work remembered."""
    calls: Counter[str] = Counter()
    for routes in counted["remembered"]:
        for route in MEASURED:
            for sql, (count, rows, failed) in routes[route].items():
                calls[plain(sql)] += (rows or count) - failed
    return +calls


def theirs(counted: dict[str, Any]) -> Counter[str]:
    calls: Counter[str] = Counter()
    for sql, count in counted["theirs"]:
        if not SETTING_UP.search(sql) and not FOREIGN_KEY_CHECK.search(sql):
            calls[plain(sql)] += count
    return calls


def plain(sql: str) -> str:
    """A text without what the server makes anew: values, placeholders, the types of them."""
    sql = re.sub(r"::[a-z0-9]+(\(\d+\)|\[\])?", "", sql)
    return re.sub(r"'(?:[^']|'')*'|\$\d+|%s|\bNULL\b|\b\d+(?:\.\d+)?\b", "?", sql)


def of_routes(counted: dict[str, Any], place: int) -> int:
    """Round trips, rows of executemany or failures, of all that was remembered."""
    return sum(
        numbers[place]
        for routes in counted["remembered"]
        for route in MEASURED
        for numbers in routes[route].values()
    )


def test_the_store_counted_what_the_server_did(
    counted: dict[str, Any], record_property: Callable[[str, object], None]
) -> None:
    """In sum, to the last one."""
    queries = {route: counted["routes"][route]["queries"]["sum"] for route in MEASURED}
    failed, rows = of_routes(counted, FAILED), of_routes(counted, ROWS)
    trips = sum(
        count
        for routes in counted["remembered"]
        for count, rows, _ in routes["mix"].values()
        if rows
    )
    calls = theirs(counted).total()
    checks, connects = apart(counted, FOREIGN_KEY_CHECK), apart(counted, SETTING_UP)
    record_property(
        "figures",
        f"ours {queries}, {failed} of them failed, {trips} executemany of {rows} rows; "
        f"calls {calls}; apart: {connects} of Django's connects, {checks} checks of foreign keys",
    )
    assert sum(queries.values()) - failed - trips + rows == calls
    assert min(failed, trips, checks, connects, *queries.values()) > 50


def apart(counted: dict[str, Any], what: re.Pattern[str]) -> int:
    return sum(calls for sql, calls in counted["theirs"] if what.search(sql))


def test_each_text_was_counted_as_often(
    counted: dict[str, Any], record_property: Callable[[str, object], None]
) -> None:
    found, expected = ours(counted), theirs(counted)
    record_property("figures", f"{len(expected)} texts, {expected.total()} calls")
    assert found == expected


def test_what_was_remembered_is_what_the_store_says(counted: dict[str, Any]) -> None:
    for route in (*MEASURED, "server-side"):
        remembered = sum(
            numbers[COUNT] for routes in counted["remembered"] for numbers in routes[route].values()
        )
        assert remembered == counted["routes"][route]["queries"]["sum"], route


def test_a_server_side_cursor_is_one_query_of_ours_and_no_call(counted: dict[str, Any]) -> None:
    """DECLARE and FETCH are utility statements; what they run is not counted there."""
    assert counted["routes"]["server-side"]["queries"]["sum"] == PROCESSES * THREADS
