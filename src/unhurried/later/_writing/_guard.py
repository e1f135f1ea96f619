"""What need not be written, because it stands there already: told in SQL and in Python."""

from __future__ import annotations

from typing import Any, Final

from django.db import connections, models
from django.db.models import Q

#: For these alone "equal" means the same to Python, to SQLite and to PostgreSQL.
_PLAIN: Final = (
    *(models.BooleanField, models.IntegerField, models.DateField, models.TimeField),
    *(models.DurationField, models.UUIDField, models.DecimalField),
)
#: On an instance: what it says not because it was loaded so.
SHOWN: Final = "_unhurried_shown"
_TEXT: Final = (models.CharField, models.TextField)


def changes(alias: str, values: dict[Any, Any]) -> Q | None:
    """The condition under which writing {field: value} changes a row; None if it can't be said.

    NULL is a value like any other.
    """
    if not all(can_compare(alias, field) for field in values):
        return None
    condition = Q()
    for field, value in values.items():
        name = field.attname
        if value is None:
            condition |= Q(**{f"{name}__isnull": False})
        else:
            condition |= ~Q(**{name: value})  # which is true of NULL, by Django's own way
    return condition


def can_compare(alias: str, field: Any) -> bool:
    """Whether equal values of that field are one and the same there."""
    while field.remote_field is not None:
        field = field.target_field
    if not type(field).__module__.startswith("django.db.models."):
        return False
    if isinstance(field, _TEXT):
        exact = connections[alias].vendor in ("postgresql", "sqlite")
        return exact and not getattr(field, "db_collation", None)
    return isinstance(field, _PLAIN)


def is_set(instance: Any, values: dict[Any, Any]) -> bool:
    """Whether a loaded instance says that all of it stands there already."""
    held = instance.__dict__
    shown = held.get(SHOWN, ())  # what was deferred, and perhaps rolled back since
    for field, value in values.items():
        found = _NOTHING if field.attname in shown else held.get(field.attname, _NOTHING)
        if type(found) is not type(value) or found != value:
            return False
    return True


_NOTHING: Final = object()
