"""What waits, on PostgreSQL: the embedded suite, and what SQLite does not have: locks on rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.services.rows import create_database

ROOT = Path(__file__).parents[2]
SUITE = (
    *("test_writes.py", "test_outbox_tasks.py", "test_sweep.py", "test_attack.py"),
    *("test_hang_on.py", "test_attack_two.py"),
    *("test_elsewhere.py", "check_elsewhere.py", "check_held.py", "check_refused.py"),
)


@pytest.mark.busy
def test_the_embedded_suite(postgres_server: Any) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0"),
            *("--ds", "tests.services.later_suite"),
            *[str(ROOT / "tests" / "later" / name) for name in SUITE],
        ],
        cwd=ROOT,
        env={**os.environ, "LATER_PORT": str(postgres_server.port)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


SECONDS = float(os.environ.get("RACE_SECONDS", "8"))  # a soak says 60


@pytest.fixture
def site(postgres_server: Any, tmp_path: Path) -> dict[str, str]:
    """The environment of a site's processes, its tables made."""
    create_database(postgres_server.port, tmp_path.name)
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": tmp_path.name,
        "USER": "postgres",
        "HOST": "127.0.0.1",
        "PORT": postgres_server.port,
    }
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
        "LATER_FOLDER": str(tmp_path),
        "LATER_DATABASE": json.dumps(database),
        "LATER": "thread",
        "DJANGO_SETTINGS_MODULE": "tests.services.later_settings",
    }
    run(environment, "tables")
    return environment


def run(environment: dict[str, str], *way: str) -> Any:
    argv = [sys.executable, "-m", "tests.services.later_site", *way]
    done = subprocess.run(
        argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout) if done.stdout else None


def test_drainers_that_race_with_reversed_updates_never_deadlock(
    site: dict[str, str], record_property: Any
) -> None:
    """Two drainers without a lease, and a site that locks the same rows from the other end."""
    ways = [["defer"], ["drain"], ["drain"], ["reversed_updates"]]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.services.later_site", *way, str(SECONDS)],
            cwd=ROOT,
            env=site,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for way in ways
    ]
    said = [process.communicate(timeout=SECONDS * 5 + 60) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    deferred, one, two, turned = [json.loads(out) for out, _ in said]
    record_property("seen", f"{deferred} deferred, {one + two} chunks drained, {turned} reversed")
    run(site, "rest")
    found = run(site, "said")
    assert found["dead"] == []
    assert found["sum"] == 10 * deferred
    assert turned > 0
    assert one + two > 0
    (deadlocks,) = run(site, "deadlocks")
    assert deadlocks == 0


def test_what_is_received_already_costs_nothing(postgres_server: Any, site: dict[str, str]) -> None:
    """Beside the same SELECTs: no write, no lock on a row, no more WAL."""
    found = run(site, "received")
    assert found["statements"] == found["plain_statements"]
    assert found["wal"] == found["plain_wal"]
    assert found["locked"] == 0
