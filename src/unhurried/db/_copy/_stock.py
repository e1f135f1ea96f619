"""Whether the values of a row are all that ``bulk_create`` would store of it.

Where the model, or a field's descriptor, does more as an instance is made (a price sets its
currency), each row becomes one, and what is stored is read off it.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Manager, Model, QuerySet

from .._direct._own import is_own
from .._errors import DbError
from .._reads._sound import reasons_to_call
from ._columns import concrete, saves_itself


def read_off(model: type[Model]) -> list[Any]:
    """Fields whose values come off an instance that is made for each row."""
    attnames = [field.attname for field in model._meta.concrete_fields]
    if any(reasons_to_call(model, attnames)):
        return concrete(model)
    return [field for field in concrete(model) if saves_itself(field)]


def check(model: type[Model]) -> None:
    """DbError where ``bulk_create`` is somebody's own, which would not be called."""
    manager: Any = model._default_manager
    owner, rows = type(manager), type(manager.all())
    if owner.bulk_create is Manager.bulk_create or is_own(owner.bulk_create, "django"):
        if rows.bulk_create is QuerySet.bulk_create:
            return
        owner = rows
    raise DbError(
        f"{model._meta.label}: {owner.__name__} has a bulk_create() of its own, which would not be "
        "called.",
        f"Call it: {model.__name__}.{manager.name}.bulk_create(…).",
    )
