"""Classes whose instances are rows: dataclasses, named tuples, msgspec Structs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from functools import lru_cache
from inspect import Parameter, signature
from itertools import starmap
from typing import Any

from ._errors import DbError

Make = Callable[[Iterable[Sequence[Any]]], Iterator[Any]]


def names_of(kind: type) -> list[str] | None:
    """The fields of such a class, in order; None of what has no names."""
    if is_dataclass(kind):
        return [field.name for field in dataclass_fields(kind)]
    names = getattr(kind, "_fields", None) or getattr(kind, "__struct_fields__", None)
    return list(names) if names else None


@lru_cache(500)
def names_wanted(kind: Any) -> tuple[str, ...]:
    """The fields that ``kind`` is made from, in order. DbError where it is no such class."""
    if is_dataclass(kind):
        return tuple(field.name for field in dataclass_fields(kind) if field.init)
    names = names_of(kind)
    if names is None:
        raise DbError(
            f"{getattr(kind, '__name__', kind)} says nothing of its fields.",
            "Use a dataclass, a NamedTuple or a msgspec Struct.",
        )
    return tuple(names)


def maker(kind: type) -> Make:
    """What makes instances of ``kind`` from rows whose values stand as in ``names_wanted``."""
    call = caller(kind)
    return lambda rows: starmap(call, rows)


@lru_cache(500)
def caller(kind: Any) -> Callable[..., Any]:
    """The same of one row: its values, one after the other, make an instance."""
    names = names_wanted(kind)
    if _takes_names_alone(kind):
        return lambda *values: kind(**dict(zip(names, values, strict=True)))
    made: Callable[..., Any] = kind
    return made


def _takes_names_alone(kind: type) -> bool:
    parameters = signature(kind).parameters.values()
    return any(each.kind is Parameter.KEYWORD_ONLY for each in parameters)
