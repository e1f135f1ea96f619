"""The same in Python, by DjangoJSONEncoder, from the same columns."""

from __future__ import annotations

import json
import math
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from ._parts import Array, Column, Object, Part


def array(rows: Any, root: Object) -> bytes:
    """``rows`` are those of the plan's queryset."""
    return dumped([_object(root, row) for row in rows])


def dumped(found: list[Any]) -> bytes:
    try:
        return json.dumps(found, cls=DjangoJSONEncoder, allow_nan=False).encode()
    except ValueError:
        return json.dumps(_finite(found), cls=DjangoJSONEncoder, allow_nan=False).encode()


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
