"""A table that is filled: what the roads into it have in common."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.db.models import CheckConstraint, Model

from ._columns import Column
from ._plan import compiled

Rows = Sequence[tuple[Any, ...]]


class Table:
    """One table, the columns that are filled, and the connection they go through."""

    road = ""

    def __init__(
        self,
        model: type[Model],
        columns: Sequence[Column],
        width: int,
        connection: Any,
        conflict: str = "",
    ) -> None:
        self.model, self.columns, self.connection = model, columns, connection
        self.conflict = conflict
        self.name = model._meta.db_table
        self.key: Any = model._meta.pk
        self.convert = compiled(columns, width, connection, self.dump)

    dump: Any = None

    def quoted(self, name: str) -> str:
        return str(self.connection.ops.quote_name(name))

    @cached_property
    def list_of_columns(self) -> str:
        return ", ".join(self.quoted(column.field.column) for column in self.columns)

    def send(self, rows: Rows) -> int:
        """Store these; how many are. Raises RowError, or what the database raises."""
        raise NotImplementedError

    def reserve(self, count: int, most: int) -> list[int]:
        """So many keys that nobody else will get; ``most``: the largest that these rows bring."""
        raise NotImplementedError

    def begin(self) -> None:
        """Before the first batch, in the transaction of them all."""

    def end(self) -> None:
        """After the last one."""

    def place_of(self, error: BaseException) -> int | None:
        """The place of the row that the database has refused, if it says so."""
        return None

    def missing_own(self, field: Any, most: int | None = None) -> list[Any]:
        """Values of a key into the table itself that none of its rows has."""
        column, key = self.quoted(field.column), self.quoted(field.target_field.column)
        table, end = self.quoted(self.name), "" if most is None else f" LIMIT {most}"
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"SELECT DISTINCT a.{column} FROM {table} a "
                f"LEFT JOIN {table} b ON b.{key} = a.{column} "
                f"WHERE a.{column} IS NOT NULL AND b.{key} IS NULL{end}"
            )
            return [field.target_field.to_python(value) for (value,) in cursor.fetchall()]

    def take_back(self, field: Any) -> int:
        """Delete the rows that have one of those; how many there were."""
        column, key = self.quoted(field.column), self.quoted(field.target_field.column)
        table = self.quoted(self.name)
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {table} WHERE {column} IS NOT NULL AND NOT EXISTS "
                f"(SELECT 1 FROM {table} b WHERE b.{key} = {table}.{column})"
            )
            return int(cursor.rowcount)

    def field_of(self, error: BaseException) -> Any:
        """The field that it names, or None."""
        return None

    def _field_of_column(self, name: str | None) -> Any:
        return next((c.field for c in self.columns if c.field.column == name), None)

    def _field_of_check(self, said: str, columns: Sequence[str]) -> Any:
        """The one field that a CHECK is about: by its name in the model, or by its columns."""
        for constraint in self.model._meta.constraints:
            if constraint.name == said and isinstance(constraint, CheckConstraint):
                condition: Any = constraint.condition
                names = getattr(condition, "referenced_base_fields", ())
                about = [c.field for c in self.columns if c.field.name in names]
                return about[0] if len(about) == 1 else None
        return self._field_of_column(columns[0]) if len(columns) == 1 else None
