"""A page replayed on a real PostgreSQL: proven there, in two processes, and nothing stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.diagnose.site import Shop


@pytest.fixture
def shop(postgres_server: Any, tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "shop", SHOP_POSTGRES=str(postgres_server.port))
    made.make()
    return made


@pytest.mark.busy
def test_remedies_are_proven_and_nothing_stays(shop: Shop) -> None:
    before = shop.state()
    for url, queries, after in (("/feed/", 25, 1), ("/counts/", 9, 1), ("/saves/", 9, 2)):
        done = shop.diagnose("--url", url, "--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        [finding] = found["findings"]
        assert finding["verified"] == "yes", finding["why"]
        assert (found["queries"], finding["queries_after"]) == (queries, after)
    for url in ("/both/", "/threaded/"):
        done = shop.diagnose("--url", url, "--user", "jacob")
        assert done.returncode == 0, done.stderr
    assert shop.state() == before
