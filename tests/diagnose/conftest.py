"""One project for all tests of this room."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.diagnose.site import Shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory) -> Shop:
    made = Shop(tmp_path_factory.mktemp("shop"))
    made.make()
    return made


@pytest.fixture
def copy(shop: Shop, tmp_path: Path) -> Shop:
    """One that may be edited."""
    shutil.copytree(shop.folder, tmp_path / "copy")
    return Shop(tmp_path / "copy")
