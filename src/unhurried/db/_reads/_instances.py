"""``instances(queryset)``: what the queryset gives, made without calling the model."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any, TypeVar

from django.db.models import Manager, Model, QuerySet, prefetch_related_objects
from django.db.models.query import ModelIterable, RawQuerySet

from .._errors import DbError
from . import _loads
from ._fetch import parts
from ._found import PART, Found, joined, part_of
from ._querysets import is_stock, own_step
from ._sound import HINT

M = TypeVar("M", bound=Model)


def instances(queryset: QuerySet[M] | Manager[M]) -> Found[M]:
    """The queryset's instances, made by a loop that is written for its columns.

    They are what the queryset would give, with ``select_related``, ``prefetch_related``, ``only``,
    annotations and related managers, without a call of ``Model.__init__`` for each
    (https://code.djangoproject.com/ticket/19501).

    Raises:
        DbError: the model needs to see its instances made, or the queryset gives none; when the
            first row is asked for.
    """
    rows = checked(queryset)
    return Found(lambda: loaded(rows), lambda size: streamed(rows, size), rows.model)


def checked(queryset: Any) -> Any:
    """A queryset of instances, with the way out where it is none."""
    rows = queryset.all() if isinstance(queryset, Manager) else queryset
    if isinstance(rows, RawQuerySet):
        raise DbError("instances() can't read raw(): nobody knows its columns.", HINT)
    if not isinstance(rows, QuerySet):
        raise DbError(
            f"instances() reads a queryset, not a {type(rows).__name__}.",
            "instances(Book.objects.filter(…))",
        )
    if not is_stock(rows._iterable_class):
        if issubclass(rows._iterable_class, ModelIterable):
            raise DbError(
                f"instances() can't do what {rows._iterable_class.__name__} does with rows.", HINT
            )
        raise DbError(
            "instances() wants instances, and this queryset gives values.",
            "rows(queryset, YourDataclass) reads values into a class of yours.",
        )
    if (step := own_step(rows)) is not None:
        raise DbError(f"instances() can't do what {step} does with rows.", HINT)
    return rows


def loaded(rows: Any) -> list[Any]:
    found = joined(_parts(rows, PART, chunked=False))
    lookups = rows._prefetch_related_lookups
    if lookups:
        prefetch_related_objects(found, *lookups)
    return found


def streamed(rows: Any, size: int) -> Iterator[Any]:
    for part in _parts(rows, size, chunked=True):
        if rows._prefetch_related_lookups:
            prefetch_related_objects(part, *rows._prefetch_related_lookups)
        yield from part


def _parts(rows: Any, size: int, *, chunked: bool) -> Iterator[list[Any]]:
    alias, load = rows.db, None
    compiler = rows.query.get_compiler(using=alias)
    relate = Known(rows) if rows._known_related_objects else None
    for part in parts(compiler, size, chunked=chunked):
        if load is None:
            load = _loads.of_instances(compiler, alias, getattr(rows, "_fetch_mode", None))
        made = part_of(part, load)
        if relate is not None:
            relate(made)
        yield made


class Known:
    """Whose related manager it is: ``author.books.all()`` knows the author of each book."""

    def __init__(self, rows: Any) -> None:
        self._known = [
            (field, objects, names := _names(rows.model, field), attrgetter(*names))
            for field, objects in rows._known_related_objects.items()
        ]

    def __call__(self, found: list[Any]) -> None:
        for field, objects, names, key in self._known:
            for each in found:
                if field.is_cached(each) or any(name not in vars(each) for name in names):
                    continue
                other = objects.get(key(each))
                if other is not None:
                    setattr(each, field.name, other)


def _names(model: Any, field: Any) -> list[str]:
    return [
        field.attname if name == "self" else model._meta.get_field(name).attname
        for name in field.from_fields
    ]
