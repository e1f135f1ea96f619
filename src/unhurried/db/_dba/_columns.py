"""Which columns of a table the site's own statements look for, as rule 4 has seen them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from unhurried.measure.reading import StatementRow, StoreError, told

MOST: Final = 3  # columns of an index that is proposed
_COLUMN: Final = r'"{table}"\."([^"]+)"(?:::\w+)? ?(=|IN \(|>=?|<=?|BETWEEN)'


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the dearest statement compares; ``notes`` say where that is asked."""

    columns: tuple[str, ...]
    notes: tuple[str, ...]


def asked_of(table: str, alias: str, led: set[str]) -> Wanted | None:
    """What the dearest statement wants of a table that no index begins with; None if none does."""
    for row in _reading(table, alias):
        columns = tuple(_compared(table, row.sql))
        if columns and led.isdisjoint(columns):
            lines = ", ".join(row.lines)
            return Wanted(columns[:MOST], (f"asked at {lines}",) if lines else ())
    return None


def _reading(table: str, alias: str) -> Iterator[StatementRow]:
    """The statements that name a table, the dearest first."""
    try:
        rows, _ = told()
    except StoreError:
        return
    for row in sorted(rows, key=lambda row: -row.time):
        if row.alias == alias and f'"{table}"' in row.sql:
            yield row


def _compared(table: str, sql: str) -> list[str]:
    """The columns, those that are to be equal first, and one of those that are to be between."""
    _, _, conditions = sql.partition(" WHERE ")
    pattern = _COLUMN.format(table=re.escape(table))
    found = re.findall(pattern, conditions)
    equal = dict.fromkeys(name for name, how in found if how in ("=", "IN ("))
    between = (name for name, how in found if name not in equal and how not in ("=", "IN ("))
    return [*equal, *([first] if (first := next(between, None)) else [])]
