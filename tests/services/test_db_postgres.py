"""What goes into tables, on PostgreSQL: the embedded suite, by COPY."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def test_the_embedded_suite(postgres_server: Any) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0"),
            *("--ds", "tests.services.db_suite", str(ROOT / "tests" / "db")),
        ],
        cwd=ROOT,
        env={**os.environ, "DB_PORT": str(postgres_server.port)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
