"""Values on their way to the database and back, where the driver does not speak Django's types."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import (
    BooleanField,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    Field,
    TimeField,
    UUIDField,
    Value,
)
from django.utils.duration import duration_microseconds

from .._reads._values import quick
from ._types import Meant, meant

Convert = Callable[[Any], Any]
JSONB: Final = 3802  # the object id of PostgreSQL's type
#: By whose rules a value becomes one of these types.
FIELDS: Final[dict[Any, Field[Any, Any]]] = {
    datetime.datetime: DateTimeField(),
    datetime.date: DateField(),
    datetime.time: TimeField(),
    datetime.timedelta: DurationField(),
    Decimal: DecimalField(),
    bool: BooleanField(),
    UUID: UUIDField(),
}
MOMENTS: Final = frozenset({datetime.datetime, datetime.date, datetime.time})


def to_database(value: Any, connection: Any) -> Any:
    """One argument, as ``Manager.raw()`` adapts it; JSON, lists, durations and keys besides."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, dict):
        return connection.ops.adapt_json_value(value, DjangoJSONEncoder)
    if isinstance(value, list | tuple | set | frozenset):
        return _list(list(value), connection)
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    if isinstance(value, datetime.timedelta) and not connection.features.has_native_duration_field:
        return duration_microseconds(value)
    return connection.ops.adapt_unknown_value(value)


def _list(values: list[Any], connection: Any) -> Any:
    """An array where there are arrays, JSON elsewhere: ``IN (SELECT value FROM json_each(:ids))``.

    In both what is in it is as it would be by itself.
    """
    if connection.vendor == "postgresql" and any(isinstance(each, dict) for each in values):
        return connection.ops.adapt_json_value(values, DjangoJSONEncoder)
    ready = [to_database(each, connection) for each in values]
    return ready if connection.vendor == "postgresql" else json.dumps(ready, cls=DjangoJSONEncoder)


def from_database(annotation: Any, connection: Any, type_code: Any = None) -> Convert | None:
    """What makes a value of the driver's one of ``annotation``; None: it is one already.

    ``type_code``: the driver's, of the column.
    """
    asked = meant(annotation)
    if asked.enum is not None:
        return _nothing_else(asked.enum)
    if asked.is_json or (type_code == JSONB and str not in asked.plain):
        return _json
    if asked.only is bytes:
        return _bytes
    if connection.vendor == "postgresql" or asked.only not in FIELDS:
        return None
    return _by_field(asked, connection)


def _by_field(asked: Meant, connection: Any) -> Convert:
    """As Django loads a column of that type."""
    expression = Value(None, output_field=FIELDS[asked.only])
    converters = [
        *connection.ops.get_db_converters(expression),
        *FIELDS[asked.only].get_db_converters(connection),
    ]

    def convert(value: Any) -> Any:
        for each in converters:
            value = each(value, expression, connection)
        return value

    if asked.only in MOMENTS:  # by settings that are read each time
        return _strict(convert)
    return quick(converters, expression, connection) or convert


def _strict(convert: Convert) -> Convert:
    """Django's takes a text that is no moment for None, or breaks on it."""

    def strict(value: Any) -> Any:
        if value is None:
            return None
        try:
            found = convert(value)
        except AttributeError:
            found = None
        if found is None:
            raise ValueError(f"{value!r} is no moment")
        return found

    return strict


def _nothing_else(function: Any) -> Convert:
    return lambda value: None if value is None else function(value)


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str | bytes) else value


def _bytes(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value
