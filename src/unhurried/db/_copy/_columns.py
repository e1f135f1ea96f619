"""Which columns a row fills, and with what where it says nothing.

What a row says nothing of gets what ``bulk_create`` would give it: the field's default, now, or
nothing at all where the database has a default or a sequence of its own.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist
from django.db.models import (
    NOT_PROVIDED,
    AutoField,
    BigAutoField,
    DateField,
    DateTimeField,
    Field,
    FileField,
    ForeignKey,
    ImageField,
    Model,
    OneToOneField,
    SmallAutoField,
    TimeField,
)
from django.utils import timezone

from unhurried.conf import nearest

from .._errors import DbError


class Missing:
    """A row says nothing of a column."""

    def __repr__(self) -> str:
        return "nothing"


MISSING: Final = Missing()
AUTO: Final = (AutoField, BigAutoField, SmallAutoField)
#: What fills itself as it is saved, whatever a row says: (class, what its pre_save gives).
MOMENTS: Final[dict[Any, Callable[[], Any]]] = {
    DateTimeField: timezone.now,
    DateField: lambda: datetime.date.today(),
    TimeField: lambda: datetime.datetime.now().time(),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of one table."""

    field: Any
    #: Its place in what a row gives; None: it is filled for all rows.
    index: int | None
    #: What fills it where a row says nothing; None: the database does.
    fill: Callable[[], Any] | None

    @property
    def is_optional(self) -> bool:
        """A row may leave it to the database."""
        return self.index is not None and self.fill is None


def concrete(model: type[Model]) -> list[Any]:
    """All that may be given: the columns of the model and of its parents."""
    fields = model._meta.concrete_fields
    return [field for field in fields if not generated(field) and root(field) is field]


def root(field: Any) -> Any:
    """A child's link to its parent is the parent's key, and so on to the first."""
    while field.is_relation and field.remote_field.parent_link:
        field = field.target_field
    return field


def tables_of(model: type[Model]) -> list[type[Model]]:
    """The models whose rows one instance is, parents first."""
    parents = [each for each in model._meta.get_parent_list() if not each._meta.proxy]
    chain = [*reversed(parents), model._meta.concrete_model or model]
    return [each for each in dict.fromkeys(chain) if each._meta.local_concrete_fields]


def keys_of(model: type[Model]) -> list[Any]:
    """The primary keys of those tables that are no link to another's."""
    every = [field for each in tables_of(model) for field in pk_fields(each)]
    return [field for field in every if root(field) is field]


def pk_fields(model: type[Model]) -> list[Any]:
    """Of a composite key, all its fields."""
    meta: Any = model._meta
    return list(meta.pk_fields)


def generated(field: Any) -> bool:
    return bool(getattr(field, "generated", False))


def named(model: type[Model], names: Iterable[str]) -> list[Any]:
    """The fields of these names; DbError names the nearest right one, and what is there twice."""
    found: list[Any] = []
    for name in names:
        field = field_of(model, name)
        if field in found:
            raise DbError(f"{model._meta.label}.{field.name} is given twice.", "Name it once.")
        found.append(field)
    return found


def field_of(model: type[Model], name: str) -> Any:
    """By its name, its column's attribute (``author_id``), or "pk"."""
    known = names_in(model)
    field = known.get(name)
    if field is not None:
        return field
    try:
        other = model._meta.get_field(name)
    except FieldDoesNotExist:
        raise DbError(
            f"{model._meta.label} has no field {name!r}.{nearest(name, known)}",
            f"Its fields: {', '.join(field.name for field in concrete(model))}.",
        ) from None
    why = "is computed by the database" if generated(other) else "has no column of its own"
    raise DbError(f"{model._meta.label}.{name} {why}.", "Leave it out.")


def names_in(model: type[Model]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if not generated(field):
            found[field.name] = found[field.attname] = root(field)
    pk: Any = model._meta.pk
    if pk in model._meta.concrete_fields:  # and no composite one
        found["pk"] = root(pk)
    return found


def columns_of(model: type[Model], given: list[Any]) -> list[Column]:
    """Of one table, in its order: those that are given, and those that are filled."""
    places = {field: place for place, field in enumerate(given)}
    found = []
    for field in model._meta.local_concrete_fields:
        if generated(field):
            continue
        moment = moment_of(field)
        column = Column(field, None, moment) if moment else _column(field, places.get(root(field)))
        if column.index is not None or column.fill is not None:
            found.append(column)
    return found


def _column(field: Any, index: int | None) -> Column:
    if _has_db_default(field) or isinstance(field, AUTO):
        return Column(field, index, None)
    return Column(field, index, field.get_default)


def _has_db_default(field: Any) -> bool:
    return field.db_default is not NOT_PROVIDED and not field.has_default()


def moment_of(field: Any) -> Callable[[], Any] | None:
    """What a field with ``auto_now`` or ``auto_now_add`` is given, whatever a row says."""
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        for cls, now in MOMENTS.items():
            if type(field).pre_save is cls.pre_save:
                return now
    return None


def saves_itself(field: Any) -> bool:
    """Whether it wants to see an instance before it is saved, as custom fields do."""
    known = (Field, *MOMENTS, FileField, ImageField, ForeignKey, OneToOneField)
    return all(type(field).pre_save is not cls.pre_save for cls in known)
