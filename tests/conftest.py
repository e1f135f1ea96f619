"""Fixtures of every suite."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from unhurried import testing
from unhurried.cache._engine import _changes, _counts
from unhurried.cache._front import _tally
from unhurried.measure import snapshot

atexit.register(shutil.rmtree, settings.UNHURRIED["STORE"], ignore_errors=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """A fresh store for this test alone, and nothing of another's that waits to be written."""
    folder = tmp_path / "store"
    _counts.seen.clear()
    _changes._waiting.clear()
    _tally._forked()
    with testing.override(STORE=folder):
        yield folder


@pytest.fixture
def route(store: Path) -> Callable[[str], dict[str, Any]]:
    """What was measured for one route so far."""

    def look_up(name: str) -> dict[str, Any]:
        return snapshot()["routes"][name]

    return look_up
