"""The columns of the table of routes, and the order a link asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ._numbers import Row

Key = Callable[[Row], Any]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    title: str
    key: Key
    largest_first: bool = True
    minor: bool = False  # left out where there is little room
    sorted: bool = False


COLUMNS: Final = (
    Column("name", "Route", lambda row: row.label, largest_first=False),
    Column("share", "Time", lambda row: row.share),
    Column("requests", "Requests", lambda row: row.numbers["requests"]),
    Column("errors", "Errors", lambda row: row.numbers["errors"]),
    Column("p50", "p50", lambda row: row.numbers["wall"]["p50"]),
    Column("p95", "p95", lambda row: row.numbers["wall"]["p95"]),
    Column("p99", "p99", lambda row: row.numbers["wall"]["p99"], minor=True),
    Column("queries", "Queries", lambda row: row.numbers["queries"]["p50"]),
    Column("queries95", "Queries p95", lambda row: row.numbers["queries"]["p95"], minor=True),
)
DEFAULT: Final = "share"


def _chosen(asked: str) -> Column:
    by_name = {column.name: column for column in COLUMNS}
    return by_name.get(asked, by_name[DEFAULT])


def columns(asked: str) -> list[Column]:
    chosen = _chosen(asked)
    return [
        Column(c.name, c.title, c.key, c.largest_first, c.minor, sorted=c is chosen)
        for c in COLUMNS
    ]


def in_sequence(rows: list[Row], asked: str) -> list[Row]:
    column = _chosen(asked)
    return sorted(rows, key=column.key, reverse=column.largest_first)
