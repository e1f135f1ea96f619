"""``executemany`` of one INSERT: SQLite's road, and every other database's."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, Final

from django.db import IntegrityError

from ._table import Rows, Table

AT_ONCE: Final = 500  # keys looked up by one statement


class Many(Table):
    """``executemany`` of one INSERT."""

    road = "executemany"

    @cached_property
    def sql(self) -> str:
        marks = ", ".join(["%s"] * len(self.columns))
        return (
            f"INSERT INTO {self.quoted(self.name)} ({self.list_of_columns}) VALUES ({marks})"
            f"{self.ending}"
        )

    @property
    def ending(self) -> str:
        return f" {self.conflict}" if self.conflict else ""

    def reserve(self, count: int, most: int) -> list[int]:
        """Whoever has written holds the database: the next ones stay free until the COMMIT."""
        name = self.model._meta.db_table
        pk = self.quoted(self.key.column)
        with self.connection.cursor() as cursor:
            cursor.execute(f"UPDATE {self.quoted(name)} SET {pk} = {pk} WHERE 1 = 0")
            cursor.execute(f"SELECT MAX({pk}) FROM {self.quoted(name)}")
            (known,) = cursor.fetchone()
            cursor.execute("SELECT MAX(seq) FROM sqlite_sequence WHERE name = %s", [name])
            (given,) = cursor.fetchone()
        first = max(known or 0, given or 0, most, self._reserved) + 1
        self._reserved = first + count - 1
        return list(range(first, first + count))

    _reserved = 0

    def send(self, rows: Rows) -> int:
        ready: list[tuple[Any, ...]] = []
        self.convert(rows, ready)
        with self.connection.cursor() as cursor:
            cursor.executemany(self.sql, ready)
            stored = cursor.rowcount
        self._check_keys(ready)
        return len(rows) if stored < 0 else stored

    def _check_keys(self, ready: list[tuple[Any, ...]]) -> None:
        """As COPY's; SQLite says at COMMIT that one is missing, and not which."""
        for place, column in enumerate(self.columns):
            field = column.field
            if field.is_relation and field.db_constraint and not is_own(field):
                self._check_key(field, [row[place] for row in ready])

    def _check_key(self, field: Any, values: list[Any]) -> None:
        wanted = [value for value in dict.fromkeys(values) if value is not None]
        there: set[Any] = set()
        for start in range(0, len(wanted), AT_ONCE):
            there.update(self._there(field.target_field, wanted[start : start + AT_ONCE]))
        for place, value in enumerate(values):
            if value is not None and value not in there:
                raise KeyIsMissingError(place, field)

    def _there(self, target: Any, wanted: list[Any]) -> list[Any]:
        """Which of these keys there are; SQLite is asked for their places, for what it gives of a
        day or a Decimal is of another type than what it was given."""
        column, table = self.quoted(target.column), self.quoted(target.model._meta.db_table)
        by_place = self.connection.vendor == "sqlite"
        if by_place:
            marks = ", ".join(f"({place}, %s)" for place in range(len(wanted)))
            sql = (
                f"WITH w(place, value) AS (VALUES {marks}) SELECT place FROM w "
                f"WHERE EXISTS (SELECT 1 FROM {table} t WHERE t.{column} = w.value)"
            )
        else:
            marks = ", ".join(["%s"] * len(wanted))
            sql = f"SELECT {column} FROM {table} WHERE {column} IN ({marks})"
        with self.connection.cursor() as cursor:
            cursor.execute(sql, wanted)
            found = [value for (value,) in cursor.fetchall()]
        return [wanted[place] for place in found] if by_place else found

    def field_of(self, error: BaseException) -> Any:
        if isinstance(error, KeyIsMissingError):
            return error.field
        said = str(error)
        if found := re.search(r"CHECK constraint failed: (.*)", said, re.DOTALL):
            words = set(re.findall(r"\w+", found[1]))
            columns = [each.field.column for each in self.columns if each.field.column in words]
            return self._field_of_check(found[1], columns)
        found = re.search(r"constraint failed: [^,.]+\.([^,]+)$", said)  # of several it is none
        return self._field_of_column(found[1]) if found else None

    def place_of(self, error: BaseException) -> int | None:
        return error.place if isinstance(error, KeyIsMissingError) else None


class KeyIsMissingError(IntegrityError):
    """A foreign key to a row that is not there."""

    def __init__(self, place: int, field: Any) -> None:
        super().__init__(f"there is no such {field.related_model._meta.label}")
        self.place, self.field = place, field

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.place, self.field)


def is_own(field: Any) -> bool:
    return field.related_model._meta.concrete_model is field.model._meta.concrete_model
