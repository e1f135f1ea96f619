"""Whether what a header says and what a database has fit together."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from ._told import Nullable, PgType
from ._types import VALUES, Meant, meant

_MOMENTS: Final = frozenset({datetime.date, datetime.datetime})
#: Besides itself, what a database takes an argument of a class for.
_TAKEN_FOR: Final[dict[Any, frozenset[Any]]] = {
    int: frozenset({int, float, Decimal}),
    float: frozenset({float, Decimal}),
    Decimal: frozenset({float, Decimal}),
    datetime.date: _MOMENTS,
    datetime.datetime: _MOMENTS,
    tuple: frozenset({list}),
    dict: frozenset({dict, list}),
}


def result_fits(annotation: Any, told: PgType) -> bool:
    """Whether values of the type are what the annotation says; true where nobody knows."""
    asked = meant(annotation)
    if not told.python or not _is_judged(asked):
        return True
    if float in asked.plain and int in told.python:
        return True  # PEP 484
    if told.inner is not None and list in asked.plain and asked.inner is not None:
        return result_fits(asked.inner, told.inner)
    return not told.python.isdisjoint(asked.plain)


def parameter_fits(annotation: Any, told: PgType) -> bool:
    """Whether each argument that the annotation allows is taken there."""
    asked = meant(annotation)
    if not told.python or not _is_judged(asked):
        return True
    if told.inner is not None and asked.only is list and asked.inner is not None:
        return parameter_fits(asked.inner, told.inner)
    return all(
        not told.python.isdisjoint(_TAKEN_FOR.get(each, frozenset({each}))) for each in asked.plain
    )


def _is_judged(asked: Meant) -> bool:
    """Any holds all, and of classes that are nobody's type nothing is known."""
    known = all(each in VALUES or each is tuple for each in asked.plain)
    return known and Any not in asked.plain and object not in asked.plain


def null_fits(annotation: Any, nullable: Nullable) -> bool:
    return nullable != "yes" or meant(annotation).is_optional


def said_of(told: PgType) -> Iterator[str]:
    """The classes that would fit, as they are written."""
    yield from sorted(each.__name__ for each in told.python)
