"""``update_now(instance, stock=3)``: one statement, and the instance has what was given.

As after ``save()``: what the database makes of a value (digits it has no room for) is not read.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connections, router, transaction
from django.db.models import FileField, Model

from .._copy._columns import field_of
from .._errors import DbError
from .._reads._sound import is_plain
from . import _trial
from ._compiled import Compiled

MOST: Final = 500  # kinds of updates that stay compiled


def update_now(instance: Model, /, **values: Any) -> None:
    """Write these fields of one row, and of the instance: one UPDATE, compiled once.

    A value may be an expression, ``update_now(book, stock=F("stock") - 1)``: the instance gets what
    has come of it, by RETURNING on PostgreSQL and SQLite, and what the database generates. There
    are no signals, and ``auto_now`` is not touched, as with ``QuerySet.update``.

    Raises:
        DbError: a field is unknown, the primary key, set by a descriptor of its own, or in another
            table than the others; or the instance is not saved.
        DatabaseError: there is no such row any more (Django 6.0 on: the model's NotUpdated).
    """
    if not values:
        return
    update = Update(instance, values)
    changed = update.run()
    if not changed:
        model = type(instance)
        gone: type[Exception] = getattr(model, "NotUpdated", DatabaseError)
        raise gone(f"{model._meta.label} {instance.pk!r} is not there any more.")
    update.keep_in_step()


aupdate_now = sync_to_async(update_now)


class Update:
    """One call: the table that it is about, and what has to be read back."""

    def __init__(self, instance: Model, values: dict[str, Any]) -> None:
        self.instance = instance
        if instance.pk is None:
            raise DbError(f"{instance!r} is not saved yet.", "Save it first.")
        self.fields = {name: self._field(name) for name in values}
        self.values = {self.fields[name].name: value for name, value in values.items()}
        self.model = self._only_model()
        self.alias = router.db_for_write(self.model, instance=instance)
        self.read_back = [
            *(f for name, f in self.fields.items() if is_expression(values[name])),
            *(f for f in self.model._meta.local_concrete_fields if getattr(f, "generated", False)),
        ]
        self.found: tuple[Any, ...] | None = None

    def _field(self, name: str) -> Any:
        field = field_of(type(self.instance), name)
        if field.primary_key:
            raise DbError(
                f"{name} is the primary key: another one would be another row.",
                "Save a copy, and delete this one.",
            )
        if not is_plain(type(self.instance), field.attname):
            raise DbError(
                f"{name} is set by a descriptor of its own, which may write other fields too.",
                "Set it, and save() the instance.",
            )
        return field

    def _only_model(self) -> type[Model]:
        models = {field.model for field in self.fields.values()}
        if len(models) > 1:
            raise DbError(
                f"{', '.join(self.fields)} are columns of several tables.",
                "Call update_now for each table.",
            )
        model: type[Model] = models.pop()
        return model

    def run(self) -> int:
        """How many rows were changed."""
        key = getattr(self.instance, self.model._meta.pk.attname)
        if not self.read_back:
            names = tuple(self.values)
            handle = _handle(self.model, names, self.alias)
            return int(handle(key, *self.values.values()))
        rows = self.model._base_manager.using(self.alias).filter(pk=key)
        built = _trial.run(lambda: rows.update(**self.values), ())
        return self._returning(built.sql, built.params)

    def _returning(self, sql: str, params: Any) -> int:
        connection: Any = connections[self.alias]
        reads = connection.features.can_return_columns_from_insert
        if reads:
            names = (connection.ops.quote_name(field.column) for field in self.read_back)
            sql = f"{sql} RETURNING {', '.join(names)}"
        with (
            transaction.mark_for_rollback_on_error(using=self.alias),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql, params)
            if not reads:
                return int(cursor.rowcount)
            row = cursor.fetchone()
        self.found = None if row is None else self._converted(row, connection)
        return 0 if row is None else 1

    def _converted(self, row: tuple[Any, ...], connection: Any) -> tuple[Any, ...]:
        columns = [field.get_col(self.model._meta.db_table) for field in self.read_back]
        compiler = self.model._base_manager.all().query.get_compiler(connection=connection)
        found = list(row)
        for place, (converters, column) in compiler.get_converters(columns).items():
            for convert in converters:
                found[place] = convert(found[place], column, connection)
        return tuple(found)

    def keep_in_step(self) -> None:
        for name, value in self.values.items():
            field = self.model._meta.get_field(name)
            if not is_expression(value):
                setattr(self.instance, *_as_read(field, value))
        for place, field in enumerate(self.read_back):
            if self.found is not None:
                setattr(self.instance, field.attname, self.found[place])
            else:
                vars(self.instance).pop(field.attname, None)  # read when it is asked for


def is_expression(value: Any) -> bool:
    return hasattr(value, "resolve_expression")


def _as_read(field: Any, value: Any) -> tuple[str, Any]:
    if field.is_relation:
        return (field.name if isinstance(value, Model) or value is None else field.attname), value
    return field.attname, value if isinstance(field, FileField) else field.to_python(value)


@lru_cache(MOST)
def _handle(model: type[Model], names: tuple[str, ...], alias: str) -> Compiled:
    def build(key: Any, *values: Any) -> Any:
        rows = model._base_manager.using(alias).filter(pk=key)
        return rows.update(**dict(zip(names, values, strict=True)))

    return Compiled(_named(build, ("unhurried_key", *names)))


def _named(build: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any]:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(name, kind) for name in names])
    build.__signature__ = signature  # type: ignore[attr-defined]
    return build
