"""The forced races on SQLite with embedded tokens; the other cells are in tests/services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cache.races.cells import EMBEDDED
from tests.cache.races.contents import scenarios
from tests.cache.races.driver import Sites

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def sites(tmp_path_factory: Any) -> Iterator[Any]:
    """The cell's, begun when first asked for."""
    begun: dict[Any, Sites] = {}

    def of(cell: Any) -> Sites:
        if cell not in begun:
            begun[cell] = Sites(cell, tmp_path_factory.mktemp(str(cell)), {})
        return begun[cell]

    yield of
    for each in begun.values():
        each.end()


CELLS = [(cell, name) for cell in EMBEDDED[:1] for name in scenarios(cell)]


@pytest.mark.parametrize(("cell", "name"), CELLS, ids=str)
def test_race(sites: Any, cell: Any, name: str) -> None:
    sites(cell).play(name)
