"""What is wrong with a row of an imported file, field by field."""

from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import DatabaseError

from books.models import Book

#: What a row that can't be stored raises.
REFUSED = (ValueError, ValidationError, DatabaseError)


class Wrong(NamedTuple):
    """A row that was not stored, from 0; ``field`` is None where the database names none."""

    row: int
    field: str | None
    reason: str


def wrong(number: int, row: dict[str, str], error: Exception) -> Wrong:
    """The first of its fields that can't be what was given, or what the database says."""
    for name in ("published", "pages", "stock"):
        try:
            Book._meta.get_field(name).get_prep_value(row[name])
        except (ValueError, ValidationError) as found:
            return Wrong(number, name, reason(found))
    negative = (name for name in ("pages", "stock") if int(row[name]) < 0)
    return Wrong(number, next(negative, None), reason(error))


def reason(error: Exception) -> str:
    """In one line."""
    said = error.messages if isinstance(error, ValidationError) else str(error).splitlines()
    return said[0].rstrip(".")
