"""The statement: rows in a ``WITH``, an object of each, an array of them all.

Keys are parameters; what stands in the text besides Django's own SQL are numbers of columns.
"""

from __future__ import annotations

import json
from typing import Any

from ._parts import Array, Column, Object, Part


def array_sql(inner: str, root: Object, told: list[str], vendor: str) -> tuple[str, list[Any]]:
    """(SQL, the parameters that follow those of ``inner``)."""
    columns = ", ".join(f"c{place}" for place in range(len(told)))
    keys: list[Any] = []
    if vendor == "postgresql":
        every = f"'[' || coalesce(string_agg({_text(root, told, keys)}, ', '), '') || ']'"
    else:
        every = f"json_group_array({_object(root, told, keys)})"
    return f"WITH s({columns}) AS ({inner}) SELECT {every} FROM s", keys


def _text(node: Object, told: list[str], keys: list[Any]) -> str:
    """PostgreSQL: the object's text, for each column is told as one. ``json_build_object`` looks up
    each value's type for each row, and takes twice as long."""
    parts = []
    for number, (key, part) in enumerate(node.items):
        keys.append(f"{', ' if number else '{'}{json.dumps(key)}: ")
        parts += ["%s::text", f"coalesce({_part_text(part, told, keys)}, 'null')"]
    return f"concat({', '.join(parts)}, '}}')" if parts else "'{}'"


def _part_text(part: Part, told: list[str], keys: list[Any]) -> str:
    if isinstance(part, Column):
        return told[part.place]
    if isinstance(part, Array):
        return f"c{part.place}"
    return f"CASE WHEN c{part.key} IS NOT NULL THEN {_text(part, told, keys)} END"


def _object(node: Object, told: list[str], keys: list[Any]) -> str:
    """SQLite."""
    parts = []
    for key, part in node.items:
        keys.append(key)
        parts += ["%s", _part(part, told, keys)]
    return f"json_object({', '.join(parts)})"


def _part(part: Part, told: list[str], keys: list[Any]) -> str:
    if isinstance(part, Column):
        return told[part.place]
    if isinstance(part, Array):
        return f"json(c{part.place})"
    return f"json(CASE WHEN c{part.key} IS NOT NULL THEN {_object(part, told, keys)} END)"
