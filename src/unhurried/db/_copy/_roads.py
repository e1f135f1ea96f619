"""The roads into a table: COPY on PostgreSQL, executemany on SQLite, batched INSERT elsewhere."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from django.db import IntegrityError
from django.db.models import CheckConstraint, Model

from unhurried.measure import measured

from ._columns import Column
from ._faults import diagnosis
from ._plan import RowError, compiled
from ._text import escape

Rows = Sequence[tuple[Any, ...]]
_LINE: Final = re.compile(r"^COPY .*?, line (\d+)", re.MULTILINE)
_COLUMN: Final = re.compile(r"\bcolumn ([^:\s]+):")
_KEY: Final = re.compile(r"Key \(([^)]+)\)")
CHECK_VIOLATION: Final = "23514"  # its SQLSTATE
AT_ONCE: Final = 500  # keys looked up by one statement
PART: Final = 500  # rows sent at a time


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


PLACE: Final = "unhurried_place"


def table_of(
    model: type[Model],
    columns: Sequence[Column],
    width: int,
    connection: Any,
    conflict: str = "",
    unique: Sequence[str] = (),
) -> Table:
    """The fastest that this database has."""
    kind: type[Table] = Many
    if connection.vendor == "postgresql" and connection.Database.__name__ == "psycopg":
        kind = Staged if conflict else Copy
    made = kind(model, columns, width, connection, conflict)
    if isinstance(made, Staged):
        made.unique = unique
    return made
