"""Schemaless SQL on PostgreSQL: what the cameras of the example's pins say, found by indexes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.conftest import HERE, ROOT

INDEXES = {
    "place": ["pin_place"],
    "camera": ["pin_attributes"],
    "both": ["pin_attributes", "pin_place"],
    "nested": ["pin_attributes"],
    "key": [],  # = is no operator of a GIN index, @> is
}
SHOWN = ("camera", "both")


@pytest.fixture(scope="module")
def seen(example_on_postgres: Any) -> Any:
    return example_on_postgres(HERE / "schemaless_probe.py", 1)


def used(plan: str) -> list[str]:
    return [name for name in ("pin_attributes", "pin_place") if f" {name}" in plan]


@pytest.mark.parametrize("question", INDEXES)
def test_the_indexes_are_used_and_were_not_before(seen: Any, question: str) -> None:
    assert used(seen["before"][question]["plan"]) == []
    for when in ("after", "again"):
        assert used(seen[when][question]["plan"]) == INDEXES[question], seen[when][question]["plan"]


@pytest.mark.parametrize("question", INDEXES)
def test_what_is_found_is_the_same(seen: Any, question: str) -> None:
    found = [seen[when][question]["found"] for when in ("before", "after", "again")]
    assert found[0] == found[1] == found[2]
    assert found[0]


@pytest.mark.parametrize("question", SHOWN)
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_plans_of_the_page_are_those(seen: Any, question: str, when: str) -> None:
    page = (ROOT / "docs" / "howto" / "schemaless.md").read_text()
    assert f"```text\n{seen[when][question]['plan']}\n```" in page
