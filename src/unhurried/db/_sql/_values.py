"""Values on their way: as the database takes them, and as the row's class says they are."""

from __future__ import annotations

import datetime
import json
import types
import typing
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

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

Convert = Callable[[Any], Any]
FIELDS: Final[dict[type, type[Field[Any, Any]]]] = {
    datetime.datetime: DateTimeField,
    datetime.date: DateField,
    datetime.time: TimeField,
    datetime.timedelta: DurationField,
    Decimal: DecimalField,
    bool: BooleanField,
    UUID: UUIDField,
}


def ready(value: Any, connection: Any) -> Any:
    """As this database keeps such a value in the columns of Django's fields."""
    ops, features = connection.ops, connection.features
    if isinstance(value, datetime.datetime):
        return ops.adapt_datetimefield_value(value)
    if isinstance(value, datetime.date):
        return ops.adapt_datefield_value(value)
    if isinstance(value, datetime.time):
        return ops.adapt_timefield_value(value)
    if isinstance(value, datetime.timedelta) and not features.has_native_duration_field:
        return duration_microseconds(value)
    if isinstance(value, UUID) and not features.has_native_uuid_field:
        return value.hex
    if isinstance(value, dict) or (isinstance(value, list) and connection.vendor != "postgresql"):
        return ops.adapt_json_value(value, None)
    return value


def converter(kind: Any, connection: Any) -> Convert | None:
    """What makes a value of ``kind`` of what the driver gives, as Django's fields do."""
    if kind is int:
        return _whole
    if kind in (dict, list):
        return _document
    field = FIELDS.get(kind) if isinstance(kind, type) else None
    if field is None:
        return None
    expression: Any = Value(None, output_field=field())
    found = connection.ops.get_db_converters(expression)
    found += expression.output_field.get_db_converters(connection)
    if not found:
        return None

    def convert(value: Any) -> Any:
        for each in found:
            value = each(value, expression, connection)
        return value

    return convert


def _whole(value: Any) -> Any:
    """Sums of PostgreSQL's bigint are numeric."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value


def _document(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str | bytes) else value


def hints_of(row: type) -> dict[str, Any]:
    """The types of a row class's fields; none where they can't be found from its module."""
    try:
        return typing.get_type_hints(row)
    except (NameError, TypeError):
        return {}


def without_none(hint: Any) -> tuple[Any, bool]:
    """(X, whether None is allowed) of a type's hint; of ``list[int]`` the list."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        rest = [each for each in typing.get_args(hint) if each is not type(None)]
        inner = without_none(rest[0])[0] if len(rest) == 1 else object
        return inner, len(rest) < len(typing.get_args(hint))
    return (origin if origin is not None else hint), False
