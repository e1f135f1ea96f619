"""The statement: rows in a ``WITH``, an object of each, an array of them all.

Keys are parameters; what stands in the text besides Django's own SQL are numbers of columns.
"""

from __future__ import annotations

from typing import Any

from ._parts import Array, Column, Object, Part


def array_sql(inner: str, root: Object, told: list[str], vendor: str) -> tuple[str, list[Any]]:
    """(SQL, the parameters that follow those of ``inner``)."""
    columns = ", ".join(f"c{place}" for place in range(len(told)))
    keys: list[Any] = []
    made = _object(root, told, vendor, keys)
    if vendor == "postgresql":
        every = f"coalesce(json_agg({made})::text, '[]')"
    else:
        every = f"json_group_array({made})"
    return f"WITH s({columns}) AS ({inner}) SELECT {every} FROM s", keys


def _object(node: Object, told: list[str], vendor: str, keys: list[Any]) -> str:
    parts = []
    for key, part in node.items:
        keys.append(key)
        parts.append("%s::text" if vendor == "postgresql" else "%s")
        parts.append(_part(part, told, vendor, keys))
    name = "json_build_object" if vendor == "postgresql" else "json_object"
    return f"{name}({', '.join(parts)})"


def _part(part: Part, told: list[str], vendor: str, keys: list[Any]) -> str:
    if isinstance(part, Column):
        return told[part.place]
    if isinstance(part, Array):
        return f"c{part.place}::json" if vendor == "postgresql" else f"json(c{part.place})"
    found = f"CASE WHEN c{part.key} IS NOT NULL THEN {_object(part, told, vendor, keys)} END"
    return found if vendor == "postgresql" else f"json({found})"
