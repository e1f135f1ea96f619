"""The example has settings of its own, so each of its tests looks from outside, at a process."""

import os
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
