"""The columns that a queryset is asked for, and what is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.core.exceptions import FieldError
from django.db import connections
from django.db.models import QuerySet, Subquery, TextField

from .._errors import DbError
from .._reads._querysets import gives_values
from ._parts import Array, Column, Object
from ._relations import leads_to_one, parts_of, related_rows, relation_of
from ._sql import array_sql
from ._told import told

MOST: Final = 45  # keys of an object: PostgreSQL's functions take a hundred arguments


class Plan:
    """``root`` is the object of one row; ``rows()`` the queryset of its columns."""

    def __init__(self, queryset: Any, fields: Any, nested: Mapping[str, Any] | None) -> None:
        self.queryset, self.alias = queryset, queryset.db
        self.names: list[str] = []
        self.arrays: dict[str, RowsAsJSON] = {}
        self.root = Object()
        self._fill(self.root, queryset.model, "", fields, nested or {})

    def rows(self) -> Any:
        """DbError where the queryset has no such columns."""
        asked = self.queryset.annotate(**self.arrays) if self.arrays else self.queryset
        try:
            return asked.values_list(*self.names)
        except FieldError as error:
            raise DbError(f"json_bytes: {error}", "Name what values() could name.") from error

    def told(self, rows: Any, connection: Any) -> list[str] | None:
        """SQL for each column; None where one, or an object as a whole, is told by Python alone."""
        if not gives_values(rows._iterable_class):
            return None
        if any(len(each.items) > MOST for each in self.root.all()):
            return None
        compiler = rows.query.get_compiler(connection=connection)
        compiler.setup_query()
        found: list[str] = []
        for place, (expression, *_) in enumerate(compiler.select):
            column = f"c{place}"
            kept = isinstance(expression, RowsAsJSON)
            sql = column if kept else told(expression, connection, column)
            if sql is None:
                return None
            found.append(sql)
        return found

    def _fill(
        self, into: Object, model: Any, path: str, fields: Any, nested: Mapping[str, Any]
    ) -> None:
        for key, name in pairs(fields):
            into.items.append((key, Column(self._place(path + name))))
        known = {key for key, _ in into.items}
        for name, inner in nested.items():
            relation = relation_of(model, name)
            if name in known:
                raise DbError(
                    f"json_bytes: {name!r} is a field and what is nested.",
                    f'Leave one out, or call the field something else: {{"{name}_id": "{name}"}}.',
                )
            if leads_to_one(relation):
                part: Any = self._one(relation, path, inner)
            else:
                part = self._many(relation, path, inner)
            into.items.append((name, part))

    def _place(self, name: str) -> int:
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def _one(self, relation: Any, path: str, inner: Any) -> Object:
        fields, nested = parts_of(inner, relation.name)
        path = f"{path}{relation.name}__"
        into = Object(key=self._place(f"{path}pk"))
        self._fill(into, relation.related_model, path, fields, nested)
        return into

    def _many(self, relation: Any, path: str, inner: Any) -> Array:
        queryset = None
        if isinstance(inner, tuple) and inner and isinstance(inner[0], QuerySet):
            queryset, inner = inner
        fields, nested = parts_of(inner, relation.name)
        rows = related_rows(relation, path, queryset).using(self.alias)
        name = f"unhurried_array_{len(self.arrays)}"
        self.arrays[name] = RowsAsJSON(Plan(rows, fields, nested), relation.name)
        return Array(self._place(name))


class RowsAsJSON(Subquery):
    """A correlated subquery whose rows come as one array, as text."""

    empty_result_set_value = "[]"  # where Django knows that there is no row: none() at hand

    def __init__(self, plan: Plan, name: str) -> None:
        rows = plan.rows()
        super().__init__(rows, output_field=TextField())
        self.plan = plan
        columns = plan.told(rows, connections[plan.alias])
        if columns is None or connections[plan.alias].vendor not in BUILDERS:
            raise DbError(
                f"json_bytes: the rows of {name!r} have a column that Python alone tells.",
                "Leave it out there, or read those rows with a query of their own.",
            )
        self.columns = columns

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        inner, params = super().as_sql(compiler, connection, template="%(subquery)s")
        sql, keys = array_sql(inner, self.plan.root, self.columns, connection.vendor)
        return f"({sql})", (*params, *keys)


#: Databases that build JSON here.
BUILDERS: Final = ("postgresql", "sqlite")


def pairs(fields: Any) -> Iterable[tuple[str, str]]:
    """(key, name) of each field."""
    if isinstance(fields, str):
        raise DbError(f"json_bytes: {fields!r} is one text.", f"Write a list: [{fields!r}].")
    if isinstance(fields, Mapping):
        return fields.items()
    return [(name, name) for name in fields]


def values_of(queryset: Any) -> Any:
    """The queryset as ``values()`` has it."""
    return queryset if queryset.query.selected is not None else queryset.values()


def names_of(values: Any) -> list[str]:
    """What ``values()`` names. DbError where its rows alone tell."""
    if not gives_values(values._iterable_class):
        raise _unnamed(values)
    query = values.query
    beside = (*query.extra_select, *query.values_select, *query.annotation_select)
    return list(query.selected or beside)


def dicts_of(values: Any) -> list[dict[str, Any]]:
    """The rows that somebody's own ``values()`` gives."""
    found = list(values)
    if not all(isinstance(row, dict) for row in found):
        raise _unnamed(values)
    return found


def _unnamed(values: Any) -> DbError:
    return DbError(
        f"json_bytes: nobody knows the keys of what {values._iterable_class.__name__} gives.",
        "Name the fields.",
    )
