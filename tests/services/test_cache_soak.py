"""A minute of random interleavings on two cells; ``make soak MINUTES=60`` for more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("cell", ["sqlite-wal-embedded-locmem", "postgres-redis-redis"])
def test_nothing_stale_is_served(cell: str, record_property: Any) -> None:
    command = [sys.executable, "-m", "tests.cache.races.soak", "--minutes", "0.5", "--cell", cell]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    record_property("interleavings", found["interleavings"])
    assert found["served"], "nothing was served from the cache"
    assert found["stale"] == 0, done.stdout
