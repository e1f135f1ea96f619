"""Slides 49 to 53 on a real PostgreSQL; the others of rule 5 are in tests/test_slides_db.py."""

from __future__ import annotations

from typing import Any


def test_49_a_csv_is_imported_in_three_ways(roads: Any) -> None:
    """Row by row, in one transaction, by COPY: the same rows, and the same said of bad ones."""
    files = roads["files"]
    assert {name for name, seen in files.items() if seen["same"] != [True] * 3} == set()
    slow, fixed, fast = files["many"]["queries"]
    assert (slow, fixed, fast) == (527, 306, 26)


def test_52_the_example_s_inventory_is_a_statement_of_a_file(roads: Any) -> None:
    """By loops, by the ORM, by books/sql/book.sql: one page, whatever day it begins with."""
    reports = [seen for page, seen in roads["pages"].items() if "inventory" in page]
    assert [(seen["same"], seen["queries"][1:]) for seen in reports] == [([True] * 3, [1, 1])] * 5


def test_53_all_keys_of_a_document_are_in_one_index(schemaless: Any) -> None:
    before, after = (schemaless[when]["nested"] for when in ("before", "after"))
    assert before["plan"].startswith("Seq Scan on pins_pin")
    assert "Bitmap Index Scan on pin_attributes" in after["plan"]
    assert before["found"] == after["found"] != []


def test_53_json_is_the_example_s_api(roads: Any) -> None:
    api = roads["pages"]["books/api/"]
    assert (api["same"], api["queries"]) == ([True] * 3, [401, 1, 1])
