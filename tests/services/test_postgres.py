"""What is measured on a real PostgreSQL: client-side and server-side cursors, connects."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from tests.services.rows import create_database
from unhurried.measure import measured, snapshot
from unhurried.testing import override

ROWS = 20_000


@pytest.fixture
def postgres(postgres_server: Any, tmp_path: Path, django_db_blocker: Any) -> Iterator[Any]:
    settings = connections.settings
    settings["postgres"] = {
        **settings["default"],
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "postgres",
        "HOST": "127.0.0.1",
        "PORT": str(postgres_server.port),
    }
    with override(STORE=tmp_path / "store"), django_db_blocker.unblock():
        yield connections["postgres"]
        connections["postgres"].close()
    del connections["postgres"], settings["postgres"]


def unit(name: str) -> dict[str, Any]:
    return snapshot()["routes"][name]


def test_queries_and_connects_are_counted(postgres: Any) -> None:
    with measured("two"), postgres.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.execute("SELECT pg_sleep(0.05)")
        assert cursor.fetchone() is not None
    assert unit("two")["queries"]["sum"] == 2
    assert unit("two")["connects"] == 1
    assert 0 < unit("two")["connecting"] < unit("two")["wall"]["sum"]
    assert unit("two")["where"]["db"] >= 0.05


def test_a_server_side_cursor_is_timed_and_fetches_as_many_as_it_likes(postgres: Any) -> None:
    """A wrapper that reads row by row would make of one trip per 2,000 rows one per row."""
    with measured("export"), postgres.chunked_cursor() as cursor:
        cursor.execute(f"SELECT n FROM generate_series(1, {ROWS}) n")
        raw = cursor.cursor
        fetched = raw.fetchone
        singles: list[int] = []
        type(raw).fetchone = lambda self: (singles.append(1), fetched())[1]
        try:
            assert sum(1 for _ in cursor) == ROWS
        finally:
            del type(raw).fetchone
    assert not singles
    found = unit("export")
    assert found["queries"]["sum"] == 1
    assert found["where"]["db"] > 0
    assert sum(found["where"].values()) == pytest.approx(found["wall"]["sum"], rel=0.01)


def test_with_contrib_postgres_no_connection_waits_for_itself(
    postgres_server: Any, tmp_path: Path
) -> None:
    """It asks for types over the page's connection, whichever has just been opened: ours, too."""
    create_database(postgres_server.port, "contrib")
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "contrib",
        "USER": "postgres",
        "HOST": "127.0.0.1",
        "PORT": postgres_server.port,
    }
    more = {"CONTRIB_DATABASE": json.dumps(database), "CONTRIB_STORE": str(tmp_path / "store")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.services.contrib_site"],
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == [[["Jacob"], ["Jacob"], ["Adrian"]], ["fresh"]]
