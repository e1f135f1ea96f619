"""What a column becomes in SQL, so that it is told as DjangoJSONEncoder tells its value.

Each is a template over the column's name alone. None: SQL would not say it letter by letter as
Python does, or nobody knows; then the whole call goes the road in Python.
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.db import models
from django.db.models.expressions import BaseExpression, Col

from .._errors import DbError
from ._functions import decimal_function

_INTEGERS: Final = (
    *(models.IntegerField, models.BigIntegerField, models.SmallIntegerField),
    *(models.PositiveIntegerField, models.PositiveBigIntegerField),
    *(models.PositiveSmallIntegerField, models.AutoField, models.BigAutoField),
    models.SmallAutoField,
)
_TEXTS: Final = (
    *(models.CharField, models.TextField, models.SlugField, models.EmailField, models.URLField),
    *(models.FilePathField, models.FileField, models.ImageField, models.GenericIPAddressField),
)
PLACES: Final = 6  # from the seventh on Python writes 1E-7
DIGITS: Final = 15  # that SQLite keeps of a number


def told(expression: Any, connection: Any, column: str) -> str | None:
    """SQL for one column: on PostgreSQL its JSON as text, on SQLite what a JSON function takes.

    DbError for what JSON has no word for.
    """
    field = expression.output_field
    while field.is_relation:
        field = field.target_field
    kind = type(field)
    if kind is models.BinaryField:
        raise DbError("JSON has no bytes: a BinaryField can't be in it.", "Leave it out.")
    if not _is_plain(expression) or hasattr(field, "from_db_value") != (kind is models.JSONField):
        return None
    tell = (POSTGRES if connection.vendor == "postgresql" else SQLITE).get(kind)
    found = None if tell is None else tell(expression, connection)
    return None if found is None else found.replace("{c}", column)


def _is_plain(expression: Any) -> bool:
    """No expression that makes something else of its values in Python, as Trunc does."""
    own = getattr(type(expression), "convert_value", BaseExpression.convert_value)
    return own is BaseExpression.convert_value


def _always(template: str) -> Any:
    return lambda expression, connection: template


def _column(template: str, otherwise: str | None = None) -> Any:
    """``template`` where it is a column, whose type is known."""
    return lambda expression, connection: template if isinstance(expression, Col) else otherwise


def _postgres_moment(expression: Any, connection: Any) -> str | None:
    if settings.USE_TZ and connection.timezone_name != "UTC":
        return None
    at, end = ("{c} AT TIME ZONE 'UTC'", '"Z"') if settings.USE_TZ else ("{c}", "")
    seconds = 'YYYY-MM-DD"T"HH24:MI:SS'
    return (
        f"'\"' || to_char({at}, CASE WHEN {{c}} = date_trunc('second', {{c}}) "
        f"THEN '{seconds}{end}' ELSE '{seconds}.MS{end}' END) || '\"'"
    )


def _sqlite_moment(expression: Any, connection: Any) -> str | None:
    if not isinstance(expression, Col) or (settings.USE_TZ and connection.timezone_name != "UTC"):
        return None
    return _sqlite_cut("replace({c}, ' ', 'T')", 19) + (" || 'Z'" if settings.USE_TZ else "")


def _sqlite_cut(text: str, seconds: int) -> str:
    """Up to the seconds, and three digits of what is behind them if it is not zero."""
    return (
        f"CASE WHEN ltrim(substr({{c}}, {seconds + 1}), '.0') = '' "
        f"THEN substr({text}, 1, {seconds}) ELSE substr({text} || '000', 1, {seconds + 4}) END"
    )


def _postgres_decimal(expression: Any, connection: Any) -> str | None:
    return "'\"' || {c}::numeric::text || '\"'" if _is_short(expression) else None


def _sqlite_decimal(expression: Any, connection: Any) -> str | None:
    if not _is_short(expression) or expression.output_field.max_digits > DIGITS:
        return None
    otherwise = decimal_function(expression, connection)
    if otherwise is None:
        return None
    places = int(expression.output_field.decimal_places)
    unit, most = f"1e{places}", f"1e{expression.output_field.max_digits - places}"
    return (  # a whole number of units, if its float is this one; nothing is rounded then
        f"CASE WHEN {{c}} IS NULL THEN NULL "
        f"WHEN round({{c}} * {unit}) / {unit} = {{c}} AND abs({{c}}) < {most} "
        f"THEN printf('%%.{places}f', {{c}}) ELSE {otherwise}({{c}}) END"
    )


def _is_short(expression: Any) -> bool:
    places = expression.output_field.decimal_places
    return isinstance(expression, Col) and places is not None and places <= PLACES


def _document(expression: Any, connection: Any) -> str | None:
    """As it is kept; a decoder makes something else of it, and a part of one is no document."""
    field: Any = expression.output_field
    if not isinstance(expression, Col) or field.decoder is not None:
        return None
    return "{c}::text" if connection.vendor == "postgresql" else "json({c})"


def _duration(days: str, microseconds: str, pad: str) -> str:
    """As ``duration_iso_string``; of the microseconds, whole days are left out."""

    def two(divisor: int, most: int) -> str:
        part = f"({microseconds} / {divisor}) - ({microseconds} / {divisor * most}) * {most}"
        return pad.format(x=f"({part})", zeros="00", n=2)

    rest = f"({microseconds} - ({microseconds} / 1000000) * 1000000)"
    return (
        "CASE WHEN {c} IS NULL THEN NULL ELSE "
        f"CASE WHEN {{sign}} THEN '-' ELSE '' END || 'P' || {days} || 'DT' "
        f"|| {two(3600000000, 24)} || 'H' || {two(60000000, 60)} || 'M' || {two(1000000, 60)} || "
        f"CASE WHEN {rest} = 0 THEN '' ELSE '.' || {pad.format(x=rest, zeros='000000', n=6)} END "
        "|| 'S' END"
    )


_SECONDS: Final = "abs(extract(epoch FROM {c})::numeric)"
_PAD: Final = "right('{zeros}' || {x}, {n})"
_MICROSECONDS: Final = "abs((extract(epoch FROM {c}) * 1000000)::bigint)"
_SHORT: Final = _duration(f"({_MICROSECONDS} / 86400000000)", _MICROSECONDS, _PAD)
_LONG: Final = _duration(
    f"div({_SECONDS}, 86400)", f"(mod({_SECONDS}, 86400) * 1000000)::bigint", _PAD
)
_POSTGRES_DURATION: Final = (  # of 300,000 years no bigint has the microseconds
    f"CASE WHEN {_SECONDS} < 9e12 THEN {_SHORT} ELSE {_LONG} END"
).replace("{sign}", "extract(epoch FROM {c}) < 0")
_SQLITE_DURATION: Final = _duration(
    "(abs({c}) / 86400000000)", "abs({c})", "substr('{zeros}' || {x}, -{n})"
).replace("{sign}", "{c} < 0")

_TO_JSON: Final = "to_json({c})::text"
#: As ``int()``, which Django calls for whatever an expression gives that is said to be an integer.
_POSTGRES_INTEGER: Final = (
    "CASE pg_typeof({c})::oid WHEN 1700 THEN {trunc} WHEN 701 THEN {trunc} WHEN 700 THEN {trunc} "
    "WHEN 16 THEN ({c}::text::boolean)::integer::text ELSE to_json({c})::text END"
).replace("{trunc}", "to_json(trunc({c}::text::numeric))::text")
_SQLITE_INTEGER: Final = (
    "CASE WHEN typeof({c}) = 'real' AND abs({c}) < 9e18 THEN CAST({c} AS INTEGER) ELSE {c} END"
)
POSTGRES: Final[dict[type, Any]] = {
    **dict.fromkeys(_INTEGERS, _column("{c}::bigint::text", _POSTGRES_INTEGER)),
    **dict.fromkeys(_TEXTS, _always(_TO_JSON)),
    models.BooleanField: _column(
        "CASE WHEN {c} THEN 'true' WHEN NOT {c} THEN 'false' END", _TO_JSON
    ),
    models.FloatField: _always(
        "CASE WHEN {c}::float8 IN ('NaN', 'Infinity', '-Infinity') THEN NULL "
        "ELSE to_json({c}::float8)::text END"
    ),
    models.DecimalField: _postgres_decimal,
    models.DateTimeField: _postgres_moment,
    models.DateField: _always(_TO_JSON),
    models.TimeField: _always(
        "to_json(left({c}::text, 8) || CASE WHEN length({c}::text) = 8 THEN '' "
        "ELSE left(rpad(substr({c}::text, 9), 4, '0'), 4) END)::text"
    ),
    models.DurationField: _always(f"to_json({_POSTGRES_DURATION})::text"),
    models.UUIDField: _always(_TO_JSON),
    models.JSONField: _document,
}
#: SQLite writes a float with fifteen digits, and by printf not always the nearest seventeen: it is
#: not here.
SQLITE: Final[dict[type, Any]] = {
    **dict.fromkeys(_INTEGERS, _column("{c}", _SQLITE_INTEGER)),
    **dict.fromkeys(_TEXTS, _always("{c}")),
    models.BooleanField: _always("json(CASE {c} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)"),
    models.DecimalField: _sqlite_decimal,
    models.DateTimeField: _sqlite_moment,
    models.DateField: _column("{c}"),
    models.TimeField: _column(_sqlite_cut("{c}", 8)),
    models.DurationField: _column(_SQLITE_DURATION),
    models.UUIDField: _column(
        "substr({c}, 1, 8) || '-' || substr({c}, 9, 4) || '-' || substr({c}, 13, 4) || '-' || "
        "substr({c}, 17, 4) || '-' || substr({c}, 21)"
    ),
    models.JSONField: _document,
}
