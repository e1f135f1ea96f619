"""Doing a merged step, in the transaction that its caller has opened."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from django.apps import apps
from django.db import connections
from django.db.models import Case, F, Model, Q, QuerySet, Value, When

from .._outbox._tables import all_rows
from ._guard import changes
from ._merge import Step
from ._new import has_key
from ._sql import decoded
from ._values import field_of, read

#: So many changes of the same fields are a statement each; more are one, with a CASE.
MOST_STATEMENTS: Final = 3


def apply(alias: str, label: str, steps: list[Step], *, wait: bool = False) -> int:
    """Do them all; how many rows have changed.

    Args:
        wait: for rows that another has locked, as any update does.

    Raises:
        LookupError, ValueError: the model, or a field of it, is not what it was.
        django.db.DatabaseError: as the database says; a row that another has locked is one.
    """
    model: Any = apps.get_model(label)
    changed = 0
    for kind, run in groupby(steps, key=attrgetter("kind")):
        if kind == "update":
            groups = _groups(model, list(run))
            changed += sum(_update(alias, model, group, wait=wait) for group in groups)
        else:
            changed += sum(_HOW[kind](alias, model, step) for step in run)
    return changed


def _groups(model: Any, updates: list[Step]) -> list[list[Step]]:
    """Those of the same fields together, if there are many of them.

    Not of a parent's fields: there a CASE would be asked with the parent's keys, which may be
    another's.
    """
    by_fields: dict[Any, list[Step]] = {}
    for step in updates:
        by_fields.setdefault(tuple(each[:2] for each in step.change), []).append(step)
    found: list[list[Step]] = []
    for change, same in by_fields.items():
        own = all(field_of(model, name).model is model for name, _ in change)
        many = own and len(same) > MOST_STATEMENTS
        found.extend([same] if many else [[step] for step in same])
    return found


def _update(alias: str, model: type[Model], group: list[Step], *, wait: bool) -> int:
    wanted = Q()
    for step in group:
        wanted |= _wanted(alias, model, step)
    rows = all_rows(model, alias).filter(wanted)
    found = None if wait else _locked(alias, rows)
    if found is not None:
        if not found:
            return 0
        rows = all_rows(model, alias).filter(pk__in=found)
    return int(rows.update(**_values(model, group)))


def _wanted(alias: str, model: type[Model], step: Step) -> Q:
    """The rows of a step that it would change."""
    here = Q(pk__in=_pks(model, step))
    if any(how == "add" for _, how, _ in step.change):
        return here
    values = {(field := field_of(model, name)): read(field, v) for name, _, v in step.change}
    guard = changes(alias, values)
    return here if guard is None else here & guard


def _locked(alias: str, rows: QuerySet[Any]) -> list[Any] | None:
    """Their keys, where rows can be locked. Nobody waits for a lock while holding others.

    So there is no deadlock, in whatever order a site's own code locks: if one is held elsewhere,
    the database says so at once, and we try again later.
    """
    features = connections[alias].features
    if not features.has_select_for_update:
        return None
    options: Any = {
        "nowait": features.has_select_for_update_nowait,
        "no_key": features.has_select_for_no_key_update,
    }
    return list(rows.select_for_update(**options).order_by("pk").values_list("pk", flat=True))


def _values(model: type[Model], group: list[Step]) -> dict[str, Any]:
    """What ``QuerySet.update`` wants: {field: value or expression}, for all the steps at once."""
    first = group[0]
    fields = [field_of(model, name) for name, _, _ in first.change]
    if len(group) == 1:
        return {f.name: _value(f, each) for f, each in zip(fields, first.change, strict=True)}
    return {
        field.name: Case(
            *[
                When(Q(pk__in=_pks(model, step)), then=_then(field, step.change[at]))
                for step in group
            ],
            default=F(field.name),
            output_field=field,
        )
        for at, field in enumerate(fields)
    }


def _value(field: Any, each: tuple[str, str, Any]) -> Any:
    _, how, told = each
    value = read(field, told)
    return value if how == "set" else F(field.name) + value


def _then(field: Any, each: tuple[str, str, Any]) -> Any:
    value = _value(field, each)
    return Value(value, output_field=field) if each[1] == "set" else value


def _pks(model: type[Model], step: Step) -> list[Any]:
    return [read(model._meta.pk, pk) for pk in step.pks]


def _delete(alias: str, model: type[Model], step: Step) -> int:
    return int(all_rows(model, alias).filter(pk__in=_pks(model, step)).delete()[0])


def _create(alias: str, model: type[Model], step: Step) -> int:
    """Without signals, as ``bulk_create``; children of other models one at a time, with them."""
    rows = [_instance(model, fields) for fields in step.rows]
    if model._meta.parents:
        for row in rows:
            _save(alias, row)
        return len(rows)
    with_key = [row for row in rows if has_key(row)]
    without = [row for row in rows if not has_key(row)]
    _insert(alias, model, with_key, _columns(model))
    _insert(alias, model, without, _columns(model, key=False))
    return len(rows)


def _insert(alias: str, model: type[Model], rows: list[Model], columns: list[Any]) -> None:
    """As they were told: what ``auto_now_add`` says is when it was asked for."""
    queryset: Any = all_rows(model, alias)
    size = connections[alias].ops.bulk_batch_size(columns, rows) or 1
    for at in range(0, len(rows), size):
        queryset._insert(rows[at : at + size], columns, raw=True)


def _save(alias: str, row: Model) -> None:
    """What has ``auto_now_add`` is from when it was asked for, though save() says otherwise."""
    moments = {
        each.attname: getattr(row, each.attname)
        for each in row._meta.concrete_fields
        if getattr(each, "auto_now_add", False) or getattr(each, "auto_now", False)
    }
    row.save(using=alias, force_insert=True)
    if moments:
        all_rows(type(row), alias).filter(pk=row.pk).update(**moments)


def _columns(model: type[Model], *, key: bool = True) -> list[Any]:
    columns = [
        each for each in model._meta.concrete_fields if not getattr(each, "generated", False)
    ]
    return [each for each in columns if key or not each.primary_key]


def _instance(model: type[Model], fields: dict[str, Any]) -> Model:
    values = {
        (field := field_of(model, name)).attname: read(field, v) for name, v in fields.items()
    }
    return model(**values)


def _sql(alias: str, model: type[Model], step: Step) -> int:
    with connections[alias].cursor() as cursor:
        for body in step.rows:
            cursor.execute(body["sql"], decoded(body["params"]))
        changed: int = cursor.rowcount
    return changed


_HOW: Final = {"delete": _delete, "create": _create, "sql": _sql}
