"""The plays of tests/cache/test_cache_machine.py, more of them. No server, but a dozen seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cache import test_cache_machine as machine


def test_nothing_old_is_served_in_200_plays(tmp_path: Path, record_property: Any) -> None:
    machine.play("200", tmp_path, record_property)
