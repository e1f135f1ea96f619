"""What a fork, an end and a long calm do to the thread: each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

SITE = Path(__file__).with_name("site.py")
ROOT = Path(__file__).parents[2]
# Forking a process with threads is what is tried here; Python 3.12 and later warn of it.
WARNINGS = ["-W", "error", "-W", "ignore:This process:DeprecationWarning"]


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("fork", "child True unhurried-later\nparent True\n"),
        ("idle", "closed\n"),
        ("child", "stopped in 0\n"),
        ("leave", "leaving\n"),
        ("flush", "sent work\n"),
        ("late", "late False\n"),
    ],
)
def test_a_process(way: str, said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, *WARNINGS, SITE, way, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")


def test_under_djangos_runner_nothing_of_the_sites_is_done(tmp_path: Path) -> None:
    """Its aliases are the site's again once the tests are over, and our threads still live."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.later.runner", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    failures, left, site, threads, calls = json.loads(done.stdout)
    assert (failures, left, site, threads) == (0, [2, 0], 1, []), done.stderr
    assert calls == ["in a test"] * 2
