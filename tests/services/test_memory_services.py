"""100,000 queries in one request. No server, but half a minute, which coverage would make three."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.queries import test_memory as memory

pytestmark = [pytest.mark.django_db, pytest.mark.busy]
books = memory.books
MANY = 100_000


@memory.ask
def test_a_block_of_100_000(
    asking: memory.Asking, books: None, record_property: Callable[[str, object], None]
) -> None:
    record_property("figures", memory.weigh_block(asking, MANY))


@memory.ask
def test_a_unit_of_work_of_100_000(
    asking: memory.Asking, store: Any, record_property: Callable[[str, object], None]
) -> None:
    record_property("figures", memory.weigh_record(asking, MANY))
