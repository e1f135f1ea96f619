"""What a fork and an end do to what waits: each in a process of its own."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
# Forking a process with threads is what is tried here; Python 3.12 and later warn of it.
WARNINGS = ["-W", "error", "-W", "ignore:This process:DeprecationWarning"]


def run(way: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, *WARNINGS, "-m", "tests.later.tally_process", way, folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(
    ("way", "said", "stored"),
    [
        ("leave", "", 5),
        ("late", "", 7),
        ("flushing", "", 5),
        ("fork", "child 0 0\nparent 3\n", 43),
        ("fork_while_locked", "", 43),
        ("early", "", 5),
        ("of_multiprocessing", "child 0\n", 43),
        ("born_there", "child 0\n", 5),
        ("uvicorn", "lifespan.startup.complete\nlifespan.shutdown.complete\n", 5),
        ("goes_on", "0 False\nby its thread 6\n", 16),
    ],
)
def test_a_process_that_ends_in_order_loses_nothing(
    way: str, said: str, stored: int, tmp_path: Path
) -> None:
    run("prepare", tmp_path)
    assert run(way, tmp_path) == said
    with sqlite3.connect(tmp_path / "db") as database:
        assert database.execute("SELECT views FROM pages_page").fetchall() == [(stored,)]
        assert database.execute("SELECT * FROM unhurried_later_flushed").fetchall() == []
    database.close()
