"""The example's pages of rule 5 on PostgreSQL: three sides, one page, and the same rows stored."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.conftest import ROOT


@pytest.fixture(scope="module")
def seen(example_on_postgres: Any) -> Any:
    return example_on_postgres(ROOT / "tests" / "example" / "roads_probe.py", 0.04)


@pytest.mark.parametrize("what", ["pages", "files"])
def test_the_three_sides_are_the_same(seen: Any, what: str) -> None:
    same = {name: each["same"] for name, each in seen[what].items()}
    assert same == dict.fromkeys(same, [True] * 3)
    assert {each["status"] for each in seen[what].values()} == {200}


def test_the_fast_side_asks_once(seen: Any) -> None:
    asked = {page: each["queries"][2] for page, each in seen["pages"].items()}
    assert asked.pop("books/import/") == 0
    assert set(asked.values()) == {1}


def test_a_hundred_books_are_imported_by_a_few_statements(seen: Any) -> None:
    assert seen["files"]["many"]["queries"] == [527, 306, 26]
