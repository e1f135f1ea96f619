"""The part of a snapshot that is about statements: a list of them, and one of repeats seen."""

from __future__ import annotations

from typing import Any, Final

from . import _tables
from ._read import Reader

SECOND: Final = 1e9
MOST: Final = 100  # statements; the rest is cheap


def asked(
    source: Reader, routes: dict[str, dict[str, Any]], most: int | None = MOST
) -> dict[str, Any]:
    """What the routes asked of databases, the dearest first; adds ``db_floor`` to the routes."""
    known = _tables.statements(source)
    waiting = _tables.waiting(known)
    keys = {(route["kind"], route["name"]): key for key, route in routes.items()}
    for unit, key in keys.items():
        routes[key]["db_floor"] = min(waiting.get(unit, 0) / SECOND, routes[key]["db"]["sum"])
    dearest = sorted(known.values(), key=lambda row: -row.time)[:most]
    return {
        "statements": [_statement(row, keys) for row in dearest],
        "sightings": [_sighting(row, keys) for row in _tables.sightings(source, known)],
    }


def _statement(row: _tables.StatementRow, keys: dict[tuple[str, str], str]) -> dict[str, Any]:
    return {
        "route": keys.get(row.unit, row.unit[1]),
        **{key: getattr(row, key) for key in ("alias", "sql", "count", "requests", "rows")},
        **{key: getattr(row, key) for key in ("failed", "last")},
        "lines": list(row.lines),
        "seconds": row.ns / SECOND,
        **{key: getattr(row, key) / SECOND for key in ("fetch", "floor", "least")},
    }


def _sighting(row: _tables.SightingRow, keys: dict[tuple[str, str], str]) -> dict[str, Any]:
    return {
        "route": keys.get(row.unit, row.unit[1]),
        **{key: getattr(row, key) for key in ("alias", "sql", "kind", "relation", "loop")},
        "through": list(row.through),
        **{key: getattr(row, key) for key in ("requests", "queries", "last")},
        "seconds": row.ns / SECOND,
    }
