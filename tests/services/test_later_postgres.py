"""What waits, on PostgreSQL: the embedded suite, and what SQLite does not have: locks on rows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SUITE = ("test_writes.py", "test_outbox_tasks.py", "test_sweep.py")


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
