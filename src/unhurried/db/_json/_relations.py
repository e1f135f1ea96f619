"""What a name in ``nested=`` leads to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import ForeignObjectRel, Model, OuterRef

from unhurried.conf import nearest

from .._errors import DbError


def relation_of(model: type[Model], name: str) -> Any:
    """By the name that querysets filter by, or that of its manager."""
    known = relations(model)
    if name in known:
        return known[name]
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        raise DbError(
            f"json_bytes: {model._meta.label} has no relation {name!r}.{nearest(name, known)}",
            f"Its relations: {', '.join(sorted(known))}.",
        ) from None
    raise DbError(f"json_bytes: {model._meta.label}.{name} is no relation.", "Put it into fields.")


def relations(model: type[Model]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in model._meta.get_fields():
        if each.is_relation and each.related_model is not None and hasattr(each, "remote_field"):
            found[each.name] = each
            if isinstance(each, ForeignObjectRel):
                found[each.get_accessor_name() or each.name] = each
    return found


def leads_to_one(relation: Any) -> bool:
    return bool(relation.one_to_one or relation.many_to_one)


def related_rows(relation: Any, path: str, queryset: Any) -> Any:
    """Those of the row that ``path`` leads to, as its manager gives them, or of ``queryset``."""
    if hasattr(relation, "object_id_field_name"):
        raise DbError(
            f"json_bytes: {relation.name} is a generic relation.",
            "Read it with a query of its own.",
        )
    rows = relation.related_model._default_manager.all() if queryset is None else queryset
    key = "pk" if relation.many_to_many else relation.field.target_field.name
    condition = {relation.remote_field.name: OuterRef(f"{path}{key}")}
    if not rows.query.is_sliced:
        return rows.filter(**condition)
    free = rows.all()
    free.query.clear_limits()  # a slice is one of each row's own
    return free.filter(**condition)[rows.query.low_mark : rows.query.high_mark]


def parts_of(inner: Any, name: str) -> tuple[list[str], dict[str, Any]]:
    """``["name", {"country": ["code"]}]``: the fields, and what is nested in turn."""
    if not isinstance(inner, list | tuple):
        raise DbError(
            f"json_bytes: nested[{name!r}] is a {type(inner).__name__}.",
            f'Write a list of fields: nested={{"{name}": ["id", …]}}.',
        )
    nested: dict[str, Any] = {}
    for each in inner:
        if isinstance(each, Mapping):
            nested.update(each)
    return [each for each in inner if not isinstance(each, Mapping)], nested
