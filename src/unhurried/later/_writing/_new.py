"""A row that is to be created later, as JSON tells it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.db.models.expressions import DatabaseDefault

from .._errors import LaterError
from ._values import told


def told_instance(instance: Model, alias: str) -> dict[str, Any]:
    """Its columns as of now: ``auto_now_add`` is when it was asked for.

    Raises:
        LaterError: a value is an expression, is missing, or is nothing that the column can hold.
    """
    instance._state.db = alias
    fields: dict[str, Any] = {}
    for field in instance._meta.concrete_fields:
        if _is_made(field):
            continue
        _refuse_unsaved(instance, field)
        value: Any = field.pre_save(instance, add=True)
        if isinstance(value, DatabaseDefault):
            continue
        if value is None and (field.primary_key or field.null):
            if field.null:
                fields[field.name] = None
            continue
        fields[field.name] = _told(field, value)
    keyed = {"keyed": told(instance._meta.pk, instance.pk)} if has_key(instance) else {}
    return {"fields": fields, **keyed}


def has_key(instance: Model) -> bool:
    """Or the database gives it one."""
    return instance.pk is not None and not isinstance(instance.pk, DatabaseDefault)


def _refuse_unsaved(instance: Model, field: Any) -> None:
    if field.is_relation and field.is_cached(instance):
        other = field.get_cached_value(instance)
        if other is not None and other.pk is None:
            raise LaterError(
                f"{field.model._meta.label}.{field.name} is an instance that is not saved.",
                "Save it first.",
            )


def _is_made(field: Any) -> bool:
    """By the database, or by the parents' rows."""
    return getattr(field, "generated", False) or bool(
        field.remote_field and getattr(field.remote_field, "parent_link", False)
    )


def _told(field: Any, value: Any) -> Any:
    where = f"{field.model._meta.label}.{field.name}"
    if hasattr(value, "resolve_expression"):
        raise LaterError(f"{where} = {value} is an expression.", "Give create() the value itself.")
    if value is None:
        raise LaterError(f"{where} is missing.", f"Give create() a value for {field.name}.")
    try:
        return told(field, value)
    except (ValidationError, ValueError, TypeError) as error:
        raise LaterError(f"{where} can't be {value!r:.80}.", str(error)) from error
