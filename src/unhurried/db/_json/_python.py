"""The same in Python, by DjangoJSONEncoder, from the same columns."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from .._errors import DbError
from ._parts import Array, Column, Object, Part


def array(rows: Any, root: Object) -> bytes:
    """``rows`` are those of the plan's queryset."""
    return dumped([_object(root, row) for row in rows])


def dumped(found: list[Any]) -> bytes:
    try:
        return _dumped(found)
    except ValueError:
        return _dumped(_finite(found))
    except TypeError as error:
        key, value = next(_untold(found), ("a value", None))
        raise DbError(
            f"json_bytes: {key!r} is a {type(value).__name__} there, which JSON does not know.",
            "Name the other fields in fields=.",
        ) from error


def _dumped(value: Any) -> bytes:
    return json.dumps(value, cls=DjangoJSONEncoder, allow_nan=False).encode()


def _untold(value: Any, key: str = "a value") -> Iterator[tuple[str, Any]]:
    """(key, value) of what can't be written, the innermost first."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _untold(each, str(name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _untold(each, key)
    try:
        _dumped(_finite(value))
    except TypeError:
        yield key, value


def _object(node: Object, row: Any) -> dict[str, Any] | None:
    if node.key is not None and row[node.key] is None:
        return None
    return {key: _value(part, row) for key, part in node.items}


def _value(part: Part, row: Any) -> Any:
    if isinstance(part, Column):
        return row[part.place]
    if isinstance(part, Array):
        return json.loads(row[part.place])
    return _object(part, row)


def _finite(value: Any) -> Any:
    """JSON has no infinity, and nothing that is not a number: null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value
