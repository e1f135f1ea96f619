"""How many statements write, and how many read."""

from __future__ import annotations

from typing import Any

import pytest

from unhurried.later._ratio import Ratio, of_statements


def row(sql: str, count: int = 1, seconds: float = 1.0, alias: str = "default") -> dict[str, Any]:
    return {"sql": sql, "count": count, "seconds": seconds, "alias": alias}


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO a VALUES (%s)",
        " update a SET b = %s",
        "DELETE FROM a",
        "COPY a FROM STDIN",
        "WITH x AS (SELECT 1) DELETE FROM a USING x",
        "WITH x AS (INSERT INTO a VALUES (1) RETURNING id) SELECT * FROM x",
    ],
)
def test_writes(sql: str) -> None:
    assert of_statements([row(sql)]) == [Ratio("default", 1, 0, 1.0, 0.0)]


@pytest.mark.parametrize(
    "sql", ["SELECT 1", "WITH x AS (SELECT 1) SELECT updated FROM x", "VALUES (1)"]
)
def test_reads(sql: str) -> None:
    assert of_statements([row(sql)]) == [Ratio("default", 0, 1, 0.0, 1.0)]


def test_neither() -> None:
    assert of_statements([row("CREATE TABLE a (b)"), row("(other)"), row("SET x = 1")]) == []


def test_what_a_write_costs_in_reads() -> None:
    rows = [row("SELECT 1", 10, 1.0), row("UPDATE a", 2, 2.0), row("SELECT 1", alias="other")]
    one, other = of_statements(rows)
    assert one.cost == pytest.approx(10)
    assert other.cost is None
