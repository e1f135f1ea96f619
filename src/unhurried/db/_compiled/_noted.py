"""Where the arguments of a lambda went: a copy of its query in which they note it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from django.db.models import Expression, Lookup, Prefetch, QuerySet, Value
from django.db.models.expressions import ExpressionList
from django.db.models.sql import Query
from django.db.models.sql.subqueries import UpdateQuery
from django.db.models.sql.where import WhereNode

from ._bound import InValue, LookupPlace, Place, SetPlace, ValuePlace, Values
from ._param import Param


def noted(query: Any, places: list[Place], values: Values) -> Any:
    """A copy of ``query`` whose arguments note where they are compiled."""
    found: Any = query.clone()
    found.where = _where(found.where, places, values)
    if found.combined_queries:
        found.combined_queries = tuple(noted(q, places, values) for q in found.combined_queries)
    if found.annotations:
        found.annotations = {
            name: _in_expression(each, places, values) for name, each in found.annotations.items()
        }
    if query.__class__ is UpdateQuery:
        found.values = [
            (field, model, _set(field, value, places, values))
            for field, model, value in found.values
        ]
    return found


def _set(field: Any, value: Any, places: list[Place], values: Values) -> Any:
    if isinstance(value, Param):
        return _in_value(value, SetPlace(value, field), places)
    return _in_expression(value, places, values)


def _in_value(param: Param, place: Place, places: list[Place]) -> InValue:
    made = InValue(param.value)
    made.name, made.for_save = param.argument, param.for_save
    made.place = _added(place, places)
    return made


def _added(place: Place, places: list[Place]) -> Place:
    place.number = len(places)
    places.append(place)
    return place


def _where(node: Any, places: list[Place], values: Values) -> Any:
    if not isinstance(node, WhereNode):
        return _in_expression(node, places, values)
    found = copy.copy(node)
    found.children = [_where(child, places, values) for child in node.children]
    return found


def _in_expression(node: Any, places: list[Place], values: Values) -> Any:
    if isinstance(node, Param):
        return node if isinstance(node.value, str) else _in_value(node, ValuePlace(node), places)
    if isinstance(node, WhereNode):
        return _where(node, places, values)
    if isinstance(node, Query):
        return noted(node, places, values) if _has_param(node) else node
    if isinstance(node, Lookup):
        return _lookup(node, places, values)
    if not isinstance(node, Expression) or not _has_param(node):
        return node
    found = node.copy()
    parts = [_in_expression(each, places, values) for each in node.get_source_expressions()]
    found.set_source_expressions(parts)
    return found


def _lookup(lookup: Any, places: list[Place], values: Values) -> Any:
    if params_in(lookup.rhs):
        if _has_param(lookup.lhs):
            return lookup  # what is left over is found, and given as it is
        place = LookupPlace(lookup)
        made = place.made(values)
        made.__class__, made.place = _noting(made.__class__), _added(place, places)
        return made
    if not _has_param(lookup):
        return lookup
    found = copy.copy(lookup)
    found.lhs = _in_expression(lookup.lhs, places, values)
    found.rhs = _in_expression(lookup.rhs, places, values)
    return found


@cache
def _noting(kind: Any) -> Any:
    """The same lookup; what it compiles to is noted."""

    def as_sql(self: Any, compiler: Any, connection: Any, **context: Any) -> Any:
        self.place.query = compiler.query
        plain = copy.copy(self)
        plain.__class__ = kind
        sql, params = compiler.compile(plain)
        return self.place.slots(sql, params)

    vendors = ("postgresql", "sqlite", "mysql", "oracle")
    names = ("as_sql", *(f"as_{vendor}" for vendor in vendors if hasattr(kind, f"as_{vendor}")))
    return type(f"Noting{kind.__name__}", (kind,), dict.fromkeys(names, as_sql))


def params_in(rhs: Any) -> list[Param]:
    """The arguments that a right side is, or is made of: ``x``, ``(a, b)``."""
    if isinstance(rhs, Param):
        return [rhs]
    if isinstance(rhs, ExpressionList):
        rhs = rhs.get_source_expressions()
    if isinstance(rhs, list | tuple):
        return [each for each in rhs if isinstance(each, Param)]
    return []


def _has_param(node: Any) -> bool:
    return next(params_within(node), None) is not None


def params_within(node: Any) -> Iterator[Param]:
    """All arguments in a query, or in what it is made of."""
    if isinstance(node, Param):
        yield node
    elif isinstance(node, Value):
        yield from params_in(node.value)
    else:
        for part in _parts_of(node):
            yield from params_within(part)


def _parts_of(node: Any) -> Iterable[Any]:
    if isinstance(node, Query):
        triples = getattr(node, "values", ()) if isinstance(node, UpdateQuery) else ()
        assigned = [value for _, _, value in triples]
        beside = (*node.annotations.values(), *node.order_by, *assigned)
        return (node.where, *beside, *node.combined_queries)
    if isinstance(node, WhereNode):
        return node.children
    if isinstance(node, Lookup):
        return (node.lhs, *(params_in(node.rhs) or (node.rhs,)))
    if isinstance(node, Expression):
        return node.get_source_expressions()
    if isinstance(node, Prefetch):
        return () if node.queryset is None else (node.queryset,)
    if isinstance(node, QuerySet):
        return (node.query, *getattr(node, "_prefetch_related_lookups", ()))
    return ()
