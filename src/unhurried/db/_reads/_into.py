"""``rows(queryset, type)``: values, each row an instance of a class of yours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import starmap
from typing import Any, TypeVar, cast

from django.core.exceptions import FieldError
from django.db.models import Manager, QuerySet
from django.db.models.expressions import ColPairs

from .._errors import DbError
from .._kinds import caller, names_wanted
from . import _loads
from ._fetch import parts
from ._found import PART, Found, joined, part_of
from ._querysets import gives_values, own_step

T = TypeVar("T")


def rows(queryset: QuerySet[Any] | Manager[Any], kind: type[T]) -> Found[T]:
    """The queryset's rows, each a ``kind``: a dataclass, a NamedTuple or a msgspec Struct.

    Its fields name what is read, as ``values()`` has it: fields, annotations, ``author_id``,
    ``author__name``; the values are those of ``values()``.

    Raises:
        DbError: ``kind`` has a field that the queryset has not, or a composite key, or says
            nothing of its fields; or the queryset's ``values_list()`` is no one of Django's.
    """
    asked = queryset.all() if isinstance(queryset, Manager) else queryset
    if not isinstance(asked, QuerySet):
        raise DbError(
            f"rows() reads a queryset, not a {type(asked).__name__}.", "rows(Book.objects.all(), …)"
        )
    names = names_wanted(cast("Any", kind))
    try:
        values = asked.values_list(*names)
    except FieldError as error:
        raise DbError(
            f"{kind.__name__} is no row of {asked.model._meta.label}: {error}.", ""
        ) from error
    if not gives_values(values._iterable_class):
        raise DbError(
            f"rows() can't do what {values._iterable_class.__name__} does with rows.",
            "Use values_list() itself.",
        )
    if any(isinstance(each, ColPairs) for each in values.query.select):
        raise DbError(
            f"{kind.__name__} wants a key of several columns as one value.",
            "Name its columns: rows(queryset, …) gives them one by one.",
        )

    if own_step(values) is not None:
        return _through(values, caller(cast("Any", kind)), kind)

    def load() -> list[T]:
        return joined(_parts(values, kind, PART, chunked=False))

    def stream(size: int) -> Iterator[T]:
        for part in _parts(values, kind, size, chunked=True):
            yield from part

    return Found(load, stream, kind)


def _through(values: Any, make: Callable[..., T], kind: type[T]) -> Found[T]:
    """By the queryset itself, which may do something with its rows."""
    return Found(
        lambda: list(starmap(make, values)),
        lambda size: starmap(make, values.iterator(chunk_size=size)),
        kind,
    )


def _parts(values: Any, kind: type[T], size: int, *, chunked: bool) -> Iterator[list[T]]:
    load = None
    compiler = values.query.get_compiler(using=values.db)
    for part in parts(compiler, size, chunked=chunked):
        if load is None:
            load = _loads.of_values(compiler, values.db, kind, caller(cast("Any", kind)))
        yield part_of(part, load)
