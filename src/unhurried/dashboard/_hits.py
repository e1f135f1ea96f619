"""How often what is kept of a route's page was of use: route -> page -> its counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from unhurried.cache.reading import all_of_it, kept_by_route

from . import _routes
from ._numbers import Hits, Row

KIND = "kept"


def with_hits(rows: Iterable[Row]) -> list[Row]:
    """Rows of routes whose page is kept, and was asked for, say their hit ratio."""
    names = kept_by_route()
    if not names:
        return list(rows)
    known = {each.name: each.hit_ratio for each in all_of_it()}
    return [_with(row, names.get(row.name), known) for row in rows]


def _with(row: Row, name: str | None, known: dict[str, float | None]) -> Row:
    ratio = known.get(name) if name is not None and row.kind == "request" else None
    if name is None or ratio is None:
        return row
    return replace(row, hits=Hits(ratio, _routes.slug(KIND, name)))
