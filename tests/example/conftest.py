"""The example has settings of its own, so each of its tests looks from outside, at a process."""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "example"


@pytest.fixture(scope="session")
def example_python():
    """The command that runs a file with the example importable."""
    return [sys.executable, "-W", "error"]


@pytest.fixture(scope="session")
def example_environment(tmp_path_factory):
    """An environment with an empty data folder."""
    paths = [str(EXAMPLE), os.environ.get("PYTHONPATH", "")]
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "pinstafacegramiqus.settings",
        "PINSTA_DATA": str(tmp_path_factory.mktemp("pinsta")),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "DATABASE_URL": "",
        "PINSTA_DEBUG": "",
    }


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder of this run: of all its workers, if it has any."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def probe(example_python, example_environment, tmp_path_factory, shared):
    """``probe("site_probe.py", …)``: what it saw of a site of its own, once for all workers."""

    def run(name, *arguments):
        done = subprocess.run(
            [*example_python, Path(__file__).with_name(name), *map(str, arguments)],
            env=example_environment | {"PINSTA_DATA": str(tmp_path_factory.mktemp("probe"))},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    def once(*asked):
        with (shared / "-".join(["seen", *map(str, asked)])).open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            said = file.read()
            if not said:
                said = run(*asked)
                file.write(said)
        return json.loads(said)

    return once
