"""Values of fields as JSON tells them: plain ones as they are, others by the field's own text."""

from __future__ import annotations

import datetime
import json
import math
from types import NoneType, SimpleNamespace
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, JSONField, Model
from django.utils import timezone

_PLAIN: Final = (str, int, float, bool)


def told(field: Any, value: Any) -> Any:
    """What JSON says for a value of that field; an instance, for a foreign key, is its key.

    Raises:
        django.core.exceptions.ValidationError, ValueError, TypeError: the field can't hold it.
    """
    if isinstance(value, Model):
        value = getattr(value, field.target_field.attname)
        if value is None:
            raise ValueError("That is an instance which is not saved.")
    if value is None:
        return None
    clean = _plain(_own(field).to_python(value))
    if isinstance(clean, float) and not math.isfinite(clean):
        raise ValueError("JSON has no such number.")
    if isinstance(clean, datetime.datetime) and timezone.is_aware(clean) and not settings.USE_TZ:
        raise ValueError("A moment with a zone can't be stored while USE_TZ is False.")
    if isinstance(field, JSONField):
        return json.loads(json.dumps(clean, cls=field.encoder, allow_nan=False))
    if type(clean) in _PLAIN:
        return clean
    text = field.value_to_string(SimpleNamespace(**{field.attname: clean}))
    if not isinstance(text, (*_PLAIN, NoneType)):  # and what else it says would be lost
        raise TypeError(
            f"{type(field).__name__}.value_to_string() makes a {type(text).__name__} of it, and no "
            "text. Write to it now, or in a @task."
        )
    return text


def _plain(value: Any) -> Any:
    """What databases get of an enumeration's member, or of another subclass."""
    for cls in (str, int, float):
        if isinstance(value, cls) and type(value) is not bool:
            return getattr(cls, f"__{cls.__name__}__")(value)
    return value


def read(field: Any, value: Any) -> Any:
    """The value that JSON told."""
    return None if value is None else _own(field).to_python(value)


def field_of(model: type[Model], name: str) -> Field[Any, Any]:
    """A column of the model's own table; LookupError if it has none of that name (any more)."""
    try:
        found: Any = model._meta.get_field(name)
    except FieldDoesNotExist as error:
        raise LookupError(f"{model._meta.label} has no field {name!r}.") from error
    if not getattr(found, "concrete", False) or found.many_to_many:
        raise LookupError(f"{model._meta.label}.{name} is no column that can be written.")
    return found  # type: ignore[no-any-return]


def _own(field: Any) -> Any:
    """A foreign key's values are those of the field it leads to."""
    while field.remote_field is not None:
        field = field.target_field
    return field
