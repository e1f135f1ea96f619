"""COPY, straight into the table or by a table of the transaction's own."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from unhurried.measure import measured

from ._faults import diagnosis
from ._plan import RowError
from ._table import Rows, Table
from ._text import escape

_LINE: Final = re.compile(r"^COPY .*?, line (\d+)", re.MULTILINE)
_COLUMN: Final = re.compile(r"\bcolumn ([^:\s]+):")
_KEY: Final = re.compile(r"Key \(([^)]+)\)")
CHECK_VIOLATION: Final = "23514"  # its SQLSTATE
PART: Final = 500  # rows sent at a time
PLACE: Final = "unhurried_place"


class Copy(Table):
    """COPY ... FROM STDIN, by psycopg 3."""

    road = "copy"

    def dump(self, field: Any, value: Any) -> str:
        """What the driver would make of it, escaped: for what is not taken at once."""
        dumped = self._transformer.get_dumper(value, self._format).dump(value)
        return escape(bytes(dumped).decode())

    @cached_property
    def _transformer(self) -> Any:
        from psycopg.adapt import Transformer

        self.connection.ensure_connection()
        return Transformer(self.connection.connection)

    @cached_property
    def _format(self) -> Any:
        from psycopg.adapt import PyFormat

        return PyFormat.TEXT

    @cached_property
    def sql(self) -> str:
        return f"COPY {self.target} ({self.list_of_columns}) FROM STDIN"

    @property
    def target(self) -> str:
        return self.quoted(self.name)

    def send(self, rows: Rows) -> int:
        self._copied(rows)
        self._check_keys()
        return len(rows)

    def _copied(self, rows: Rows) -> None:
        """The server takes in one part while the next is made ready."""
        alias = self.connection.alias
        with (
            measured.statement(alias, self.sql, writes=[self.name]),
            self.connection.wrap_database_errors,
            self.connection.cursor() as cursor,
            cursor.copy(self.sql) as copy,
        ):
            for start in range(0, len(rows), PART):
                copy.write("".join(self._lines(rows, start)))

    def _lines(self, rows: Rows, start: int) -> list[str]:
        lines: list[str] = []
        try:
            self.convert(rows[start : start + PART], lines)
        except RowError as error:
            raise RowError(start + error.place, error.cause) from error.cause
        return lines

    def reserve(self, count: int, most: int) -> list[int]:
        with self.connection.cursor() as cursor:
            cursor.execute(
                """SELECT nextval(pg_get_serial_sequence(%s, %s))
                FROM generate_series(1, %s) ORDER BY 1""",
                [self.quoted(self.name), self.key.column, count],
            )
            return [number for (number,) in cursor.fetchall()]

    def _check_keys(self) -> None:
        """Of other tables: Django's are checked at COMMIT, when nobody knows the row any more."""
        if self._constraints:
            with self.connection.cursor() as cursor:
                cursor.execute(f"SET CONSTRAINTS {self._constraints} IMMEDIATE")
                cursor.execute(f"SET CONSTRAINTS {self._constraints} DEFERRED")

    @cached_property
    def _constraints(self) -> str:
        """Those that are deferred, but of keys into the table itself: their rows may come yet."""
        with self.connection.cursor() as cursor:
            cursor.execute(
                """SELECT n.nspname, c.conname FROM pg_constraint c
                JOIN pg_namespace n ON n.oid = c.connamespace
                WHERE c.conrelid = %s::regclass AND c.condeferred AND c.contype = 'f'
                  AND c.confrelid <> c.conrelid""",
                [self.quoted(self.name)],
            )
            found = cursor.fetchall()
        return ", ".join(f"{self.quoted(schema)}.{self.quoted(name)}" for schema, name in found)

    def place_of(self, error: BaseException) -> int | None:
        context = getattr(diagnosis(error), "context", None) or ""
        found = _LINE.search(context)
        return int(found[1]) - 1 if found else None

    def field_of(self, error: BaseException) -> Any:
        said = diagnosis(error)
        if said is None:
            return None
        column = getattr(said, "column_name", None)
        if column is None and (found := _COLUMN.search(said.context or "")):
            column = found[1].strip('"')
        if column is None and (found := _KEY.search(said.message_detail or "")):
            column = found[1].strip('"')
        if column is None and said.sqlstate == CHECK_VIOLATION:
            name = said.constraint_name
            return self._field_of_check(name, self._columns_of_constraint(name))
        return self._field_of_column(column)

    def _columns_of_constraint(self, name: str) -> list[str]:
        with self.connection.cursor() as cursor:
            cursor.execute(
                """SELECT a.attname FROM pg_constraint c
                JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)
                WHERE c.conrelid = %s::regclass AND c.conname = %s""",
                [self.quoted(self.name), name],
            )
            return [column for (column,) in cursor.fetchall()]


class Staged(Copy):
    """COPY into a table of the transaction's own, and from there what does not conflict."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stage = f"unhurried_copy_{secrets.token_hex(6)}"

    @property
    def target(self) -> str:
        return self.quoted(self.stage)

    def begin(self) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TEMPORARY TABLE {self.target} ON COMMIT DROP AS "
                f"SELECT {self.list_of_columns} FROM {self.quoted(self.name)} WITH NO DATA"
            )
            cursor.execute(
                f"ALTER TABLE {self.target} ADD COLUMN {PLACE} bigint GENERATED ALWAYS AS IDENTITY"
            )

    def end(self) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {self.target}")

    def send(self, rows: Rows) -> int:
        self._copied(rows)
        with self.connection.cursor() as cursor:
            cursor.execute(self.from_stage)
            stored = int(cursor.rowcount)
            cursor.execute(f"TRUNCATE {self.target}")
        self._check_keys()
        return stored

    @cached_property
    def from_stage(self) -> str:
        """Of rows with the same key the last one; one that is NULL is like no other."""
        last = ""
        if self.unique:
            same = " AND ".join(f"b.{name} = a.{name}" for name in self.unique)
            last = (
                f" WHERE NOT EXISTS (SELECT 1 FROM {self.target} b "
                f"WHERE {same} AND b.{PLACE} > a.{PLACE})"
            )
        return (
            f"INSERT INTO {self.quoted(self.name)} ({self.list_of_columns}) "
            f"SELECT {self.list_of_columns} FROM {self.target} a{last} ORDER BY {PLACE} "
            f"{self.conflict}"
        )

    unique: Sequence[str] = ()
