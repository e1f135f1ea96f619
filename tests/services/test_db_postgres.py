"""What goes into tables and out of them, on PostgreSQL: the embedded suite, and more fields."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.busy
def test_the_embedded_suite(postgres_server: Any) -> None:
    run(postgres_server, "tests.services.db_suite", ROOT / "tests" / "db")


def test_fields_of_contrib_postgres(postgres_server: Any) -> None:
    at = {"host": "127.0.0.1", "port": postgres_server.port, "user": "postgres"}
    with psycopg.connect(**at, dbname="template1", autocommit=True) as template:
        template.execute("CREATE EXTENSION IF NOT EXISTS hstore")  # so that each new one has it
    folder = ROOT / "tests" / "services" / "contrib_shelf"
    run(postgres_server, "tests.services.contrib_shelf.settings", folder / "check_copy.py")


def test_statements_without_cursors(postgres_server: Any) -> None:
    here = ROOT / "tests" / "services" / "check_direct.py"
    run(postgres_server, "tests.services.db_suite", here)


def run(server: Any, settings: str, where: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0"),
            *("--ds", settings, str(where)),
        ],
        cwd=ROOT,
        env={**os.environ, "DB_PORT": str(server.port)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
