"""``json_bytes(queryset, fields, nested=…)``: the call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Manager, QuerySet

from .._errors import DbError
from .._reads._querysets import gives_values, own_step
from . import _python
from ._plan import BUILDERS, Plan, dicts_of, names_of, values_of
from ._sql import array_sql


def json_bytes(
    queryset: QuerySet[Any] | Manager[Any],
    fields: Sequence[str] | Mapping[str, str] | None = None,
    *,
    nested: Mapping[str, Any] | None = None,
) -> bytes:
    """A JSON array of objects, one for each row, in the queryset's order: a response's body.

    It is built in the database on PostgreSQL and SQLite, and says what DjangoJSONEncoder says of
    ``values()``; what it can't say so there (a field of your own, a Decimal of seven places and
    more) makes the whole call go through Python.

    Args:
        fields: what ``values()`` could name, or ``{"key": "name"}``; by default all that it names.
        nested: ``{"author": ["name", {"country": ["code"]}], "tags": ["name"]}``. Relations to one
            become an object or null, relations to many an array in the order of their manager;
            ``(queryset, ["name"])`` filters, orders or slices these.

    Raises:
        DbError: there is no such field or relation, or JSON has no word for it.
    """
    asked = queryset.all() if isinstance(queryset, Manager) else queryset
    if not isinstance(asked, QuerySet):
        raise DbError(
            f"json_bytes() reads a queryset, not a {type(asked).__name__}.",
            'json_bytes(Book.objects.all(), ["id", "title"])',
        )
    if fields is None:
        values = values_of(asked)
        if not nested and not gives_values(values._iterable_class):
            return _python.dumped(dicts_of(values))
        fields = names_of(values)
    plan = Plan(asked, fields, nested)
    rows = plan.rows()
    connection: Any = connections[plan.alias]
    builds = connection.vendor in BUILDERS and own_step(rows) is None
    told = plan.told(rows, connection) if builds else None
    if told is None:
        return _python.array(rows, plan.root)
    return _built(rows, plan, told, connection)


ajson_bytes = sync_to_async(json_bytes)


def _built(rows: Any, plan: Plan, told: list[str], connection: Any) -> bytes:
    compiler = rows.query.get_compiler(connection=connection)
    try:
        inner, params = compiler.as_sql()
    except EmptyResultSet:
        return b"[]"
    if compiler.has_extra_select:  # DISTINCT wants what it is ordered by
        return _python.array(rows, plan.root)
    sql, keys = array_sql(inner, plan.root, told, connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(sql, (*params, *keys))
        (text,) = cursor.fetchone()
    return str(text).encode()
