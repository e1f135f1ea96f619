"""The places where the arguments of a lambda went, and what becomes of other values there.

An argument on the right of a lookup is put back as the value it has, in a twin of the lookup which
notes the parameters it compiles to. To bind other values, that lookup alone is made and compiled
again with them: whatever Django does with a value (preparing, escaping for LIKE, the bounds of a
year, one mark for each of ``__in``) it does again, and if the lookup's SQL is not the same, it is
another statement. Comparisons of plain columns are bound without that, once it has been seen that
the result is the same.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models import IntegerField, Model, Value
from django.db.models.expressions import Col, ExpressionList
from django.db.models.fields.related_lookups import RelatedLookupMixin
from django.db.models.lookups import (
    Exact,
    FieldGetDbPrepValueMixin,
    GreaterThan,
    GreaterThanOrEqual,
    LessThan,
    LessThanOrEqual,
)

from ._param import Param

PLAIN: Final = (int, str, float, Decimal, datetime, date, time, timedelta, UUID, bytes)
COMPARISONS: Final = (Exact, GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual)
Values = dict[str, Any]
#: What a value becomes where no lookup has to be compiled for it; OTHERWISE: one has to be.
Fast = Callable[[Any, Any], Any]
#: (which of the arguments; what it becomes).
Step = tuple[int, Fast]
OTHERWISE: Final = object()
#: (the SQL around the parameters, or "" where that never changes; the parameters).
Compiled = tuple[str, Sequence[Any]]


class Slot:
    """A parameter that some place of an argument compiles to."""

    def __init__(self, place: int, index: int) -> None:
        self.place, self.index = place, index


class Place:
    """Where arguments stand: ``number`` of all places, ``query`` that it was compiled in."""

    number = 0
    query: Any = None

    def bind(self, values: Values, connection: Any) -> Compiled:
        raise NotImplementedError

    def try_fast(self, values: Values, connection: Any) -> None:
        """From now on without compiling, if that gives what compiling gives for these values."""

    def step(self, names: Sequence[str]) -> Step | None:
        """Where nothing is compiled any more."""
        return None

    def slots(self, sql: str, params: Sequence[Any]) -> tuple[str, list[Slot]]:
        return sql, [Slot(self.number, index) for index in range(len(params))]


class LookupPlace(Place):
    """On the right of a lookup."""

    def __init__(self, lookup: Any) -> None:
        self.kind, self.lhs, self.template = type(lookup), lookup.lhs, lookup.rhs
        self.fast: Fast | None = None

    def made(self, values: Values) -> Any:
        return self.kind(self.lhs, filled(self.template, values))

    def bind(self, values: Values, connection: Any) -> Compiled:
        if self.fast is not None:
            value = values[self.template.argument]
            if value.__class__ in PLAIN:
                found = self.fast(value, connection)
                if found is not OTHERWISE:
                    return "", (found,)
        try:
            compiler = self.query.get_compiler(connection=connection)
            return compiler.compile(self.made(values))  # type: ignore[no-any-return]
        except EmptyResultSet:
            return "none", ()
        except FullResultSet:
            return "all", ()

    def try_fast(self, values: Values, connection: Any) -> None:
        if (
            self.query is None
            or self.kind not in _fast_kinds()
            or not isinstance(self.template, Param)
        ):
            return
        if not isinstance(self.lhs, Col) or connection.vendor not in ("postgresql", "sqlite"):
            return
        fast = _fast(self.kind, self.lhs.output_field, connection)
        value = values[self.template.argument]
        if value.__class__ not in PLAIN:
            return
        _, params = self.bind(values, connection)
        found = fast(value, connection)
        if found is not OTHERWISE and same((found,), params):
            self.fast = fast

    def step(self, names: Sequence[str]) -> Step | None:
        return None if self.fast is None else (names.index(self.template.argument), self.fast)


class ValuePlace(Place):
    """In the middle of an expression: ``F("stock") - n``."""

    def __init__(self, param: Param) -> None:
        self.param = param

    def bind(self, values: Values, connection: Any) -> Compiled:
        value = copy.copy(self.param)
        value.value = values[self.param.argument]
        compiler = self.query.get_compiler(connection=connection)
        return as_value(value, compiler, connection)


class SetPlace(Place):
    """What ``update(stock=n)`` gives a field."""

    def __init__(self, param: Param, field: Any) -> None:
        self.param, self.field = param, field

    def bind(self, values: Values, connection: Any) -> Compiled:
        value = values[self.param.argument]
        if isinstance(value, Model):
            value = value.prepare_database_save(self.field)
        return "", (self.field.get_db_prep_save(value, connection=connection),)

    def step(self, names: Sequence[str]) -> Step:
        return names.index(self.param.argument), self.field.get_db_prep_save


class InValue(Value):
    """A value whose parameter is noted."""

    place: Place

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        self.place.query = compiler.query
        sql, params = self.place.bind({self.name: self.value}, connection)
        return self.place.slots(sql or "%s", params)

    as_sqlite = as_sql
    name = ""


def as_value(param: Param, compiler: Any, connection: Any) -> Compiled:
    """As Django compiles the plain ``Value`` that it makes of a value in an expression."""
    plain = Value(param.value)
    plain.for_save = param.for_save
    return compiler.compile(plain)  # type: ignore[no-any-return]


def filled(rhs: Any, values: Values) -> Any:
    """The same with values: what people would have written."""
    if isinstance(rhs, Param):
        return values[rhs.argument]
    if isinstance(rhs, ExpressionList):
        rhs = rhs.get_source_expressions()
    parts = [values[each.argument] if isinstance(each, Param) else _unwrapped(each) for each in rhs]
    return parts if isinstance(rhs, list) else tuple(parts)


def _unwrapped(value: Any) -> Any:
    """Django 6.1 wraps the plain values beside an expression."""
    return value.value if type(value) is Value else value


@cache
def _fast_kinds() -> frozenset[type]:
    """Comparisons that are Django's own, with what it has made of them for integers and keys."""
    found: set[type] = set(COMPARISONS)
    for kind in COMPARISONS:
        found.update(_own_children(kind))
    return frozenset(found)


def _own_children(kind: type) -> set[type]:
    subclasses: list[Any] = kind.__subclasses__()
    children: set[type] = {each for each in subclasses if each.__module__ in DJANGOS}
    return children.union(*map(_own_children, children))


DJANGOS: Final = ("django.db.models.lookups", "django.db.models.fields.related_lookups")


def _fast(kind: type, field: Any, connection: Any) -> Fast:
    """What the lookup does with a plain value, written out."""
    prepare = field
    if issubclass(kind, RelatedLookupMixin):
        prepare = field.path_infos[-1].target_fields[-1]
    stored = getattr(field, "target_field", None) or field
    first, second = prepare.get_prep_value, stored.get_db_prep_value
    if not issubclass(kind, FieldGetDbPrepValueMixin):
        return lambda value, connection: OTHERWISE
    if not isinstance(prepare, IntegerField):
        return lambda value, connection: second(first(value), connection, prepared=True)
    stored_as = prepare.get_internal_type()
    least, most = connection.ops.integer_field_range(stored_as)
    plain = _is_stock(prepare) and _is_stock(stored)

    def fast(value: Any, connection: Any) -> Any:
        if value.__class__ is float:
            return OTHERWISE  # some lookups round it up
        if not plain or value.__class__ is not int:
            value = first(value)
        if not least <= value <= most:
            return OTHERWISE  # Django has an answer of its own for those
        if plain:
            return connection.ops.adapt_integerfield_value(value, stored_as)
        return second(value, connection, prepared=True)

    return fast


def _is_stock(field: Any) -> bool:
    """Whether nobody has said otherwise how this field prepares integers."""
    names = ("get_prep_value", "get_db_prep_value", "get_db_prep_save")
    return all(getattr(type(field), name) is getattr(IntegerField, name) for name in names)


def same(ours: Sequence[Any], theirs: Sequence[Any]) -> bool:
    """Whether these are the same parameters; PostgreSQL's JSON has no comparison."""
    if len(ours) != len(theirs):
        return False
    return all(
        type(a) is type(b) and (a == b or getattr(a, "obj", a) == getattr(b, "obj", b))
        for a, b in zip(ours, theirs, strict=True)
    )
