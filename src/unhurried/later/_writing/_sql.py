"""A predicate that is to be asked when it is applied: the UPDATE that Django makes of it now."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import QuerySet
from django.db.models.sql import UpdateQuery
from django.utils.dateparse import parse_duration
from django.utils.duration import duration_iso_string

from .._errors import LaterError

#: Parameters that JSON can't tell, by name: how they are told, and read again.
_KINDS: Final[dict[str, tuple[type, Any, Any]]] = {
    "datetime": (datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    "date": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "time": (datetime.time, datetime.time.isoformat, datetime.time.fromisoformat),
    "timedelta": (datetime.timedelta, duration_iso_string, parse_duration),
    "decimal": (Decimal, str, Decimal),
    "uuid": (UUID, str, UUID),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
}
_PLAIN: Final = (str, int, float, bool, type(None))


def statement(alias: str, queryset: QuerySet[Any], values: dict[str, Any]) -> dict[str, Any] | None:
    """The body of a deferred write: its SQL, and its parameters; None if it matches nothing."""
    _refuse(queryset.query)
    query: Any = queryset.query.chain(UpdateQuery)
    query.add_update_values(values)
    if query.related_updates:
        raise LaterError(
            f"{queryset.model._meta.label} has parents, whose columns are of other tables.",
            "Defer it without predicate=True.",
        )
    query.annotations = {}
    query.clear_ordering(force=True)
    try:
        sql, params = query.get_compiler(connection=connections[alias]).as_sql()
    except EmptyResultSet:
        return None
    return {"sql": sql, "params": encoded(params)}


def _refuse(query: Any) -> None:
    """What an UPDATE would not heed."""
    windows = any(each.contains_over_clause for each in query.annotations.values())
    if query.is_sliced or query.distinct_fields or windows:
        raise LaterError(
            "A predicate is asked row by row: no slice, no distinct(*fields), no window.",
            "Defer it without predicate=True: the keys are enough then.",
        )


def encoded(params: Sequence[Any]) -> list[Any]:
    return [_encoded(each) for each in params]


def _encoded(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, int):  # of a size that the driver has given it
        return int(value)
    for name, (cls, tell, _) in _KINDS.items():
        if isinstance(value, cls):
            return {name: tell(value)}
    if isinstance(value, list | tuple):
        return encoded(value)
    raise LaterError(
        f"A value or a condition has a {type(value).__name__} in it, which can't be written down.",
        "Defer it without predicate=True: the keys are enough then.",
    )


def decoded(params: Sequence[Any]) -> list[Any]:
    return [_decoded(each) for each in params]


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return decoded(value)
    if isinstance(value, dict):
        ((name, text),) = value.items()
        return _KINDS[name][2](text)
    return value
