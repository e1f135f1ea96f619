"""The example's pages of rule 5 on PostgreSQL: three sides, one page, and the same rows stored."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("what", ["pages", "files"])
def test_the_three_sides_are_the_same(roads: Any, what: str) -> None:
    same = {name: each["same"] for name, each in roads[what].items()}
    assert same == dict.fromkeys(same, [True] * 3)
    assert {each["status"] for each in roads[what].values()} == {200}


def test_the_fast_side_asks_once(roads: Any) -> None:
    asked = {page: each["queries"][2] for page, each in roads["pages"].items()}
    assert asked.pop("books/import/") == 0
    assert set(asked.values()) == {1}


def test_a_hundred_books_are_imported_by_a_few_statements(roads: Any) -> None:
    assert roads["files"]["many"]["queries"] == [527, 306, 26]
