"""Schemaless SQL on PostgreSQL: what the cameras of the example's pins say, found by indexes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.conftest import ROOT

INDEXES = {
    "place": ["pin_place"],
    "camera": ["pin_attributes"],
    "both": ["pin_attributes", "pin_place"],
    "nested": ["pin_attributes"],
    "key": [],  # = is no operator of a GIN index, @> is
}
SHOWN = ("camera", "both")


def used(plan: str) -> list[str]:
    return [name for name in ("pin_attributes", "pin_place") if f" {name}" in plan]


@pytest.mark.parametrize("question", INDEXES)
def test_the_indexes_are_used_and_were_not_before(schemaless: Any, question: str) -> None:
    assert used(schemaless["before"][question]["plan"]) == []
    for when in ("after", "again"):
        plan = schemaless[when][question]["plan"]
        assert used(plan) == INDEXES[question], plan


@pytest.mark.parametrize("question", INDEXES)
def test_what_is_found_is_the_same(schemaless: Any, question: str) -> None:
    found = [schemaless[when][question]["found"] for when in ("before", "after", "again")]
    assert found[0] == found[1] == found[2]
    assert found[0]


@pytest.mark.parametrize("question", SHOWN)
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_plans_of_the_page_are_those(schemaless: Any, question: str, when: str) -> None:
    page = (ROOT / "docs" / "howto" / "schemaless.md").read_text()
    assert f"```text\n{schemaless[when][question]['plan']}\n```" in page
