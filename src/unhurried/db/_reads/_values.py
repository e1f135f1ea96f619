"""How a value that the driver gives becomes the one that Django gives.

Each column has converters: the backend's, then the field's. Those that are known here by what they
are have a quicker twin with the same results; all others are called as Django calls them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import JSONField
from django.db.models.expressions import Col
from django.db.models.fields.json import KeyTransform
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware, make_aware

try:
    from msgspec.json import Decoder
except ImportError:  # an extra
    Decoder = None  # type: ignore[assignment,misc]

Quick = Callable[[Any], Any]


def quick(converters: list[Any], expression: Any, connection: Any) -> Quick | None:
    """One function of the value alone that does what ``converters`` do, if we know one."""
    if len(converters) != 1:
        return None
    made = QUICK.get(_name_of(converters[0]))
    return None if made is None else made(expression, connection)


def _name_of(converter: Any) -> tuple[str, str]:
    function = getattr(converter, "__func__", converter)
    return function.__module__, function.__qualname__


def _json(expression: Any, connection: Any) -> Quick | None:
    field = expression.output_field
    if type(field) is not JSONField or field.decoder is not None:
        return None
    return None if isinstance(expression, KeyTransform) else loads


def _moment(expression: Any, connection: Any) -> Quick | None:
    if not settings.USE_TZ:
        return None
    return moment if connection.timezone is UTC else None


def _plain(function: Quick) -> Callable[[Any, Any], Quick]:
    return lambda expression, connection: function


def _loads() -> Quick:
    """msgspec's if it is there; what it refuses (NaN, lone surrogates) the standard's decides."""
    if Decoder is None:
        return _loaded
    decode, slow, has_null = Decoder().decode, _loaded, type(None)

    def loads(value: Any) -> Any:
        if value.__class__ is has_null:
            return None
        try:
            return decode(value)
        except Exception:  # boundary: whatever it is, the standard library decides
            return slow(value)

    return loads


def _loaded(value: Any) -> Any:
    """As ``JSONField.from_db_value``."""
    if value is None:
        return None
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


loads: Final = _loads()


def moment(value: Any, parse: Callable[[str], datetime] = datetime.fromisoformat) -> Any:
    """As SQLite's backend with a connection in UTC; the zone is read with the rest, not put in."""
    if value.__class__ is str:
        try:
            found = parse(value + "+00:00")
        except ValueError:  # it has a zone
            return _odd_moment(value)
        return found if found.tzinfo is UTC else _odd_moment(value)  # a day alone has none
    if value is None or value.tzinfo is not None:
        return value
    return value.replace(tzinfo=UTC)


def _odd_moment(value: str) -> Any:
    found = parse_datetime(value)
    return found if found is None or is_aware(found) else make_aware(found, UTC)


def _decimal(expression: Any, connection: Any) -> Quick:
    """As SQLite's backend: it keeps 15 digits, and columns have their places."""
    create = Context(prec=15).create_decimal_from_float
    field: Any = expression.output_field
    places = field.decimal_places if isinstance(expression, Col) else None
    if places is None:
        return lambda value: (
            None if value is None else create(value) if type(value) is float else Decimal(value)
        )
    unit, quantize = Decimal(1).scaleb(-places), field.context.quantize

    def quantised(value: Any) -> Any:
        if value.__class__ is float:
            return quantize(create(value), unit)
        return None if value is None else quantize(Decimal(value), unit)

    return quantised


def flag(value: Any) -> Any:
    return bool(value) if value in (1, 0) else value


def key(value: Any) -> Any:
    return None if value is None else UUID(value)


_SQLITE: Final = "django.db.backends.sqlite3.operations"
QUICK: Final[dict[tuple[str, str], Callable[[Any, Any], Quick | None]]] = {
    ("django.db.models.fields.json", "JSONField.from_db_value"): _json,
    (_SQLITE, "DatabaseOperations.convert_datetimefield_value"): _moment,
    (_SQLITE, "DatabaseOperations.get_decimalfield_converter.<locals>.converter"): _decimal,
    (_SQLITE, "DatabaseOperations.convert_booleanfield_value"): _plain(flag),
    (_SQLITE, "DatabaseOperations.convert_uuidfield_value"): _plain(key),
}
