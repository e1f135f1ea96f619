"""One function for one set of columns, written and compiled once: rows in, what is sent out.

``get_db_prep_save`` costs more than all the rest, so a value that is exactly of the type that a
stock field of Django keeps is taken as it is; all others go through their field's own
``get_db_prep_save``, and so does every value of a field that is not Django's. What is stored is the
same, which a test asserts for each field. The code is made from numbers of columns alone, never
from names or values.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.db import models
from django.db.models import Field
from django.db.models.fields.files import FieldFile

from ._columns import MISSING, Column
from ._text import NULL, escape

try:
    import msgspec
except ImportError:  # an extra
    msgspec = None  # type: ignore[assignment]

Dump = Callable[[Any, Any], Any]
_INTEGERS: Final = (
    *(models.IntegerField, models.BigIntegerField, models.SmallIntegerField),
    *(models.PositiveIntegerField, models.PositiveBigIntegerField),
    *(models.PositiveSmallIntegerField, models.AutoField, models.BigAutoField),
    models.SmallAutoField,
)
_TEXTS: Final = (
    *(models.CharField, models.TextField, models.SlugField, models.EmailField, models.URLField),
    *(models.FilePathField, models.FileField, models.ImageField),
)
_CLEAN: Final = r'"\\" in {v} or "\n" in {v} or "\t" in {v} or "\r" in {v} or "\0" in {v}'
_AWARE: Final = "type({v}) is datetime and {v}.tzinfo is not None"
_NAIVE: Final = "type({v}) is datetime and {v}.tzinfo is None"

#: By class of field: when a value may be taken at once, and what becomes of it.
POSTGRES: Final[dict[type, tuple[str, str]]] = {
    **dict.fromkeys(_INTEGERS, ("type({v}) is int", "{v}")),
    **dict.fromkeys(_TEXTS, ("type({v}) is str", f"(escape({{v}}) if {_CLEAN} else {{v}})")),
    models.BooleanField: ("{v} is True or {v} is False", '("t" if {v} else "f")'),
    models.FloatField: ("type({v}) is float", "repr({v})"),
    models.DecimalField: ("type({v}) is Decimal and {v}.is_finite()", "{v}"),
    models.DateField: ("type({v}) is date", "{v}"),
    models.TimeField: ("type({v}) is time and {v}.tzinfo is None", "{v}"),
    models.UUIDField: ("type({v}) is UUID", "{v}"),
    models.BinaryField: ("type({v}) is bytes", r'("\\\\x" + {v}.hex())'),
    models.JSONField: (
        "type({v}) is dict or type({v}) is list",
        r'dumps{k}({v}).replace("\\", "\\\\")',
    ),
}
SQLITE: Final[dict[type, tuple[str, str]]] = {
    **dict.fromkeys(_INTEGERS, ("type({v}) is int", "{v}")),
    **dict.fromkeys(_TEXTS, ("type({v}) is str", "{v}")),
    models.BooleanField: ("{v} is True or {v} is False", "{v}"),
    models.FloatField: ("type({v}) is float", "{v}"),
    models.DecimalField: ("type({v}) is Decimal and {v}.is_finite()", "{v}"),
    models.DateField: ("type({v}) is date", "str({v})"),
    models.TimeField: ("type({v}) is time and {v}.tzinfo is None", "str({v})"),
    models.UUIDField: ("type({v}) is UUID", "{v}.hex"),
    models.BinaryField: ("type({v}) is bytes", "{v}"),
    models.JSONField: ("type({v}) is dict or type({v}) is list", "dumps{k}({v})"),
}
_NAMES: Final = {
    "UTC": datetime.UTC,
    "Decimal": Decimal,
    "UUID": UUID,
    "date": datetime.date,
    "datetime": datetime.datetime,
    "escape": escape,
    "time": datetime.time,
}


class RowError(Exception):
    """A row could not be made ready: its place in what was given, and why."""

    def __init__(self, place: int, cause: Exception) -> None:
        super().__init__(str(cause))
        self.place, self.cause = place, cause


Convert = Callable[[Sequence[Any], list[Any]], None]


def compiled(columns: Sequence[Column], width: int, connection: Any, dump: Dump | None) -> Convert:
    """The function that makes rows of ``width`` values ready, and appends them to a list.

    With ``dump`` as lines of COPY's text format, else as tuples of parameters. Raises RowError.
    """
    body: list[str] = []
    names: dict[str, Any] = dict(_NAMES)
    for k, column in enumerate(columns):
        slow = slow_of(column, connection, dump)
        names[f"slow{k}"] = slow
        v = f"v{column.index}" if column.index is not None else f"f{k}"
        if column.index is None:
            names[f"fill{k}"] = column.fill
            body.append(f"f{k} = fill{k}()")
        at_once = _at_once(column.field, connection, text=dump is not None)
        if at_once is None:
            body.append(f"s{k} = slow{k}({v})")
            continue
        condition, value = at_once
        names[f"dumps{k}"] = _dumps(column.field, text=dump is not None)
        taken = value.format(v=v, k=k)
        body.append(f"s{k} = {taken} if {condition.format(v=v)} else slow{k}({v})")
    results = [f"s{k}" for k in range(len(columns))]
    if dump is not None:
        line = r"\t".join(f"{{{each}}}" for each in results)
        result = f'f"{line}\\n"'
    else:
        result = f"({', '.join(results)},)"
    row = "".join(f"v{place}, " for place in range(width))
    source = "\n".join(
        [
            "def convert(rows, found):",
            "    place, add = -1, found.append",
            "    try:",
            f"        for place, ({row}) in enumerate(rows):"
            if width
            else "        for place, _ in enumerate(rows):",
            *(f"            {line}" for line in body),
            f"            add({result})",
            "    except Exception as error:",
            "        raise RowError(len(found), error) from error",
        ]
    )
    names["RowError"] = RowError
    exec(compile(source, "<unhurried.db: rows>", "exec"), names)
    made: Convert = names["convert"]
    return made


def _at_once(field: Any, connection: Any, *, text: bool) -> tuple[str, str] | None:
    while type(field) in (models.ForeignKey, models.OneToOneField):
        field = field.target_field
    kind = type(field)
    if kind is models.DateTimeField:
        return _moment(connection, text=text)
    if kind is models.JSONField and not text and not connection.features.supports_json_field:
        return None
    return (POSTGRES if text else SQLITE).get(kind)


def _moment(connection: Any, *, text: bool) -> tuple[str, str] | None:
    """Aware ones where the site has them; on SQLite they are kept in the connection's zone."""
    if text:
        return (_AWARE if settings.USE_TZ else _NAIVE), "{v}"
    if not settings.USE_TZ:
        return _NAIVE, "str({v})"
    if connection.timezone is datetime.UTC:
        return "type({v}) is datetime and {v}.tzinfo is UTC", "str({v}.replace(tzinfo=None))"
    return None


def _dumps(field: Any, *, text: bool) -> Callable[[Any], str] | None:
    if type(field) is not models.JSONField:
        return None
    encoder: Any = field.encoder or json.JSONEncoder
    slow: Callable[[Any], str] = encoder().encode
    if not text or field.encoder is not None or msgspec is None:
        return slow  # SQLite keeps the text, blanks and all; PostgreSQL what it means
    return _quick_dumps(slow, msgspec.json.Encoder().encode)


def _quick_dumps(slow: Callable[[Any], str], quick: Callable[[Any], bytes]) -> Callable[[Any], str]:
    """By msgspec, for flat objects of plain values: the same, but for what it takes too easily."""

    def dumps(value: Any) -> str:
        if value.__class__ is not dict or not _PLAIN.issuperset(map(type, value.values())):
            return slow(value)
        if not _STR.issuperset(map(type, value)):
            return slow(value)
        try:
            found = quick(value)
        except Exception:  # boundary: whatever it is, the standard library says it better
            return slow(value)
        # NaN becomes null; the standard library writes what PostgreSQL refuses
        return slow(value) if b"null" in found else found.decode()

    return dumps


_PLAIN: Final = frozenset((str, int, float, bool))
_STR: Final = frozenset((str,))


def slow_of(column: Column, connection: Any, dump: Dump | None) -> Callable[[Any], Any]:
    """What any value of a column becomes, through its field."""
    field, fill = column.field, column.fill

    def slow(value: Any) -> Any:
        if value is MISSING and fill is not None:
            value = fill()
        prepared = prepared_by(field, value, connection)
        if dump is None:
            return prepared
        return NULL if prepared is None else dump(field, prepared)

    return slow


def prepared_by(field: Field[Any, Any], value: Any, connection: Any) -> Any:
    """As ``bulk_create`` would hand it to the database's driver."""
    if isinstance(value, models.Model) and field.is_relation:
        value = key_of(field, value)
    if isinstance(field, models.FileField):
        if value is None:
            value = ""  # as the file's own pre_save has it
        elif isinstance(value, File) and not isinstance(value, FieldFile):
            raise ValueError("a file that is not stored yet: pass an instance")
    if hasattr(value, "resolve_expression"):
        raise ValueError("an expression can't be copied: give its value")
    return field.get_db_prep_save(value, connection)


def key_of(field: Any, value: models.Model) -> Any:
    """What a foreign key stores of an instance; ValueError where it leads to no such one."""
    if not isinstance(value, field.related_model._meta.concrete_model):
        raise ValueError(f"{type(value).__name__} is no {field.related_model.__name__}")
    found = getattr(value, field.target_field.attname)
    if found is None:
        raise ValueError(f"{field.name} is not saved yet")
    return found
