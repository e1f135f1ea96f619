"""What becomes of rows that are there already: ``ON CONFLICT``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import Model

from .._errors import DbError
from ._columns import named, tables_of


@dataclass(frozen=True, slots=True)
class Update:
    """A row that is there already, by ``unique``, gets the new values of ``fields``.

    Of rows of the input that are the same by ``unique``, the last one counts.
    """

    fields: Sequence[str]
    unique: Sequence[str]


Conflict = Literal["ignore"] | Update | None


def resolved(model: type[Model], conflict: Conflict, connection: Any) -> tuple[str, list[str]]:
    """(the end of the INSERT, the columns that tell rows apart)."""
    if conflict is None:
        return "", []
    if conflict != "ignore" and not isinstance(conflict, Update):
        raise DbError(
            f"bulk_copy: conflict={conflict!r} is unknown.",
            'It is "ignore", or Update(fields=[…], unique=[…]).',
        )
    if len(tables_of(model)) > 1:
        raise DbError(
            f"{model._meta.label} has rows in several tables: a conflict is one of one table.",
            "Copy without conflict=.",
        )
    if connection.vendor not in ("postgresql", "sqlite"):
        raise DbError(
            f"bulk_copy: conflict= is not known of {connection.display_name}.",
            "Use bulk_create(update_conflicts=True).",
        )
    if conflict == "ignore":
        return "ON CONFLICT DO NOTHING", []
    quote = connection.ops.quote_name
    unique = [quote(field.column) for field in named(model, conflict.unique)]
    changed = [quote(field.column) for field in named(model, conflict.fields)]
    if not unique or not changed:
        raise DbError("Update wants fields, and what is unique.", "Name at least one of each.")
    values = ", ".join(f"{name} = EXCLUDED.{name}" for name in changed)
    return f"ON CONFLICT ({', '.join(unique)}) DO UPDATE SET {values}", unique
