"""How a value that the driver gives becomes the one that Django gives.

Each column has converters: the backend's, then the field's. Those that are known here by what they
are have a quicker twin with the same results; all others are called as Django calls them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any, Final
from uuid import UUID

from django import VERSION
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
DIGITS: Final = 15  # that a float has at least, and SQLite's backend at most
EXACT: Final = (int, str) if VERSION >= (6, 1) else ()  # types of which it keeps all of them


@dataclass(frozen=True, slots=True)
class Written:
    """One whose usual case the loop over rows has written out, for a call costs as much as it.

    ``text`` is an expression of the value ``{v}``; ``names`` are what it uses, ``{c}`` that of
    ``otherwise``.
    """

    text: str
    names: Mapping[str, Any]
    otherwise: Quick

    def __call__(self, value: Any) -> Any:
        return self.otherwise(value)


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


def _odd_moment(value: Any, parse: Callable[[str], datetime] = datetime.fromisoformat) -> Any:
    """As SQLite's backend with a connection in UTC; the zone is read with the rest, not put in."""
    if value.__class__ is not str:
        return value if value is None or is_aware(value) else make_aware(value, UTC)
    try:
        found = parse(value + "+00:00")
    except ValueError:  # it has a zone
        pass
    else:
        if found.tzinfo is UTC:  # a day alone has none
            return found
    odd = parse_datetime(value)
    return odd if odd is None or is_aware(odd) else make_aware(odd, UTC)


#: ``combine`` takes a fifth of the time of ``replace(tzinfo=UTC)``, and does the same.
moment: Final = Written(
    "combine({v}, {v}.time(), UTC) if {v}.__class__ is datetime and {v}.tzinfo is None "
    "else {c}({v})",
    {"combine": datetime.combine, "UTC": UTC, "datetime": datetime},
    _odd_moment,
)


def _decimal(expression: Any, connection: Any) -> Quick:
    return decimal_of(expression)


def decimal_of(expression: Any) -> Quick:
    """As SQLite's backend: it keeps 15 digits, and columns have their places."""
    from_float = Context(prec=DIGITS).create_decimal_from_float

    def create(value: Any) -> Decimal:
        return Decimal(value) if isinstance(value, EXACT) else from_float(value)

    field: Any = expression.output_field
    places = field.decimal_places if isinstance(expression, Col) else None
    if places is None:
        return lambda value: None if value is None else create(value)
    unit, quantize = Decimal(1).scaleb(-places), field.context.quantize

    def odd(value: Any) -> Any:
        return None if value is None else quantize(create(value), unit)

    if field.max_digits is None:
        return odd
    most = 10.0 ** (min(field.max_digits, DIGITS) - places)
    return Written(
        # The nearest whole number of units, if its float is this one: so it is with 15 digits.
        "{c}times({c}Decimal(n), {c}unit) if {v}.__class__ is float and -{c}most < {v} < {c}most "
        "and (n := round({v} * {c}scale)) / {c}scale == {v} and n else {c}({v})",
        {
            "{c}times": Context(prec=2 * DIGITS).multiply,
            "{c}Decimal": Decimal,
            "{c}unit": unit,
            "{c}most": most,
            "{c}scale": 10**places,
        },
        odd,
    )


def _odd_flag(value: Any) -> Any:
    return bool(value) if value in (1, 0) else value


flag: Final = Written("{v} if {v} is True or {v} is False else {c}({v})", {}, _odd_flag)


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
