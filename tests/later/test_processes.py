"""What a fork, an end and a long calm do to the thread: each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

SITE = Path(__file__).with_name("site.py")
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
