"""Running the lambda without asking the database for anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Manager, QuerySet
from django.db.models.query import RawQuerySet
from django.db.models.sql.subqueries import UpdateQuery

from .._errors import DbError
from .._reads._querysets import is_stock, own_step
from .._reads._sound import HINT
from ._param import Param


class AskedError(BaseException):
    """The lambda asked the database. No Exception, so that no transaction is marked as broken."""

    def __init__(self, alias: str, sql: str, params: Sequence[Any]) -> None:
        super().__init__(sql)
        self.alias, self.sql, self.params = alias, sql, params


@dataclass(slots=True)
class Built:
    """What a lambda gives: a queryset, or the update that it would have run."""

    rows: Any = None
    update: Any = None
    alias: str = ""
    #: What ``using()`` said, and what a router is told, of the rows that are updated.
    named: str | None = None
    hints: dict[str, Any] = field(default_factory=dict)
    sql: str = ""
    params: Sequence[Any] = ()


def run(build: Callable[..., Any], values: Sequence[Any]) -> Built:
    """DbError where it gives neither; what it raises itself goes through."""
    try:
        with _nobody_asks():
            found = build(*values)
    except AskedError as asked:
        return _update(asked, values)
    if found.__class__ is int:
        return Built()  # an update that changes nothing, as Django knows without asking
    if isinstance(found, Manager):
        found = found.all()
    return Built(rows=_checked(found))


@contextmanager
def _nobody_asks() -> Iterator[None]:
    """First of the wrappers, so that nobody counts what is not asked, or logs it under DEBUG."""
    every: Any = connections.all()
    before = [vars(connection).get("make_debug_cursor") for connection in every]
    for connection in every:
        connection.execute_wrappers.insert(0, _refuse)
        connection.make_debug_cursor = connection.make_cursor
    try:
        yield
    finally:
        for connection, made in zip(every, before, strict=True):
            connection.execute_wrappers.remove(_refuse)
            del connection.make_debug_cursor
            if made is not None:  # somebody's own, as our measuring is
                connection.make_debug_cursor = made


def _refuse(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
    if isinstance(sql, str) and sql[:4].upper() == "SET ":  # a backend's own, and it notes it sent
        return execute(sql, params, many, context)
    raise AskedError(context["connection"].alias, sql, params or ())


def _update(asked: AskedError, values: Sequence[Any]) -> Built:
    if not asked.sql.startswith("UPDATE "):
        raise DbError(
            "compiled: the lambda asks the database itself, and its answer would stay for ever.",
            "Return the queryset, or end in .update(…); .get() and .first() go on what the call "
            "gives.",
        )
    seen = [query for value in values if type(value) is Param for query in value.seen]
    query = next((query for query in seen if isinstance(query, UpdateQuery)), None)
    rows = _rows(asked)
    built = Built(update=query, alias=asked.alias, sql=asked.sql, params=asked.params)
    if rows is not None:
        built.named, built.hints = rows._db, rows._hints
    return built


def _rows(asked: AskedError) -> Any:
    """Those that are updated."""
    at = asked.__traceback__
    while at is not None:
        if at.tb_frame.f_code is QuerySet.update.__code__:
            return at.tb_frame.f_locals["self"]
        at = at.tb_next
    return None


def _checked(found: Any) -> Any:
    if isinstance(found, RawQuerySet):
        raise DbError("compiled: raw() is SQL already.", "Use it as it is.")
    if not isinstance(found, QuerySet):
        raise DbError(
            f"compiled: the lambda gives a {type(found).__name__}.",
            "It returns a queryset, or ends in .update(…).",
        )
    if not is_stock(found._iterable_class):
        raise DbError(
            "compiled: the lambda's queryset gives values, not instances.", "Leave values() out."
        )
    if (step := own_step(found)) is not None:
        raise DbError(f"compiled: nobody would do what {step} does with rows.", HINT)
    return found


def made_by_django(built: Built, alias: str = "") -> tuple[str, Sequence[Any]]:
    """The statement of what was built; none where Django knows that there is no row."""
    if built.rows is None:
        return built.sql, built.params
    try:
        found: tuple[str, Sequence[Any]] = built.rows.query.get_compiler(
            using=alias or built.rows.db
        ).as_sql()
    except EmptyResultSet:
        return "", ()
    return found
