"""Hypothesis searches for a play in which something old is served; see ``races.machine``.

Few plays here, more in tests/services/test_cache_plays.py; ``PLAYS=5000`` in the environment plays
that many.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PLAYS = os.environ.get("PLAYS", "120")
PROGRAM = "from tests.cache.races.machine import main; main()"


@pytest.mark.long
def test_nothing_old_is_served_in_any_play(tmp_path: Path, record_property: Any) -> None:
    play(PLAYS, tmp_path, record_property)


@pytest.mark.long
def test_who_fails_takes_nobodys_excuse() -> None:
    argv = [sys.executable, "-m", "tests.cache.races.excuse"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def play(plays: str, folder: Path, record_property: Any) -> None:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    env["HYPOTHESIS_STORAGE_DIRECTORY"] = str(folder / "hypothesis")
    argv = [sys.executable, "-W", "error", "-c", PROGRAM, str(folder), plays]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    found = json.loads(done.stdout.splitlines()[-1])
    record_property("plays", found["plays"])
    record_property("served", found["served"])
    assert found["served"] > 100, "hardly anything was served from the cache"
