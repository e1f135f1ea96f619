"""What PostgreSQL says of a statement that it prepares and does not run.

https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY: Parse infers the
types of parameters, Describe tells those of the columns, and the table and column that each plain
one comes from.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from ._file import Statement
from ._tokens import numbered, words

PREPARED: Final = 1  # libpq's PGRES_COMMAND_OK
POSITION: Final = ord("P")  # its PG_DIAG_STATEMENT_POSITION
STATE: Final = ord("C")  # its PG_DIAG_SQLSTATE
UNTYPED: Final = b"42P18"  # indeterminate_datatype
#: Python's type for PostgreSQL's, as psycopg gives it to Django.
PYTHONS: Final[dict[str, type]] = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), int),
    **dict.fromkeys(("float4", "float8"), float),
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "citext", "inet", "cidr", "char"), str),
    **dict.fromkeys(("timestamp", "timestamptz"), datetime.datetime),
    **dict.fromkeys(("json", "jsonb"), dict),
    "bool": bool,
    "bytea": bytes,
    "date": datetime.date,
    "interval": datetime.timedelta,
    "numeric": Decimal,
    "time": datetime.time,
    "uuid": UUID,
}
#: And what to declare a parameter as that says nothing of its type.
DECLARED: Final[dict[Any, str]] = {
    bool: "bool",
    bytes: "bytea",
    datetime.date: "date",
    datetime.datetime: "timestamptz",
    datetime.time: "time",
    datetime.timedelta: "interval",
    Decimal: "numeric",
    dict: "jsonb",
    float: "float8",
    int: "int8",
    str: "text",
    UUID: "uuid",
}
OUTER: Final = frozenset("LEFT RIGHT FULL ROLLUP CUBE SETS".split())


@dataclass(frozen=True, slots=True)
class Column:
    """``kind`` is Python's type, None where nobody knows; ``nullable`` too."""

    name: str
    kind: type | None
    nullable: bool | None
    database: str


@dataclass(slots=True)
class Described:
    """What is known of a statement, or why PostgreSQL refuses it, and at which character."""

    columns: list[Column] = field(default_factory=list)
    parameters: dict[str, tuple[type | None, str]] = field(default_factory=dict)
    error: str = ""
    position: int | None = None


def described(statement: Statement, connection: Any, kinds: dict[str, Any]) -> Described:
    """``kinds``: the types of its parameters, as the header has them."""
    names = list(statement.signature.parameters)
    sql, starts = numbered(statement.text, names)
    result = _prepared(sql, connection)
    if result.error_field(STATE) == UNTYPED:
        result = _prepared(sql, connection, _declared(names, connection, kinds))
    if result.status != PREPARED:
        return _refused(result, starts)
    return _told(result, names, statement, connection)


def _prepared(sql: str, connection: Any, types: list[int] | None = None) -> Any:
    """What describes it, or the error. It has no name: the next one takes its place."""
    with transaction.atomic(using=connection.alias):
        connection.ensure_connection()
        pgconn = connection.connection.pgconn
        result = pgconn.prepare(b"", sql.encode(), types)
        if result.status == PREPARED:
            result = pgconn.describe_prepared(b"")
        transaction.set_rollback(True, using=connection.alias)
    return result


def _declared(names: list[str], connection: Any, kinds: dict[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        known = list(DECLARED.values())
        cursor.execute("SELECT typname, oid FROM pg_type WHERE typname = ANY(%s)", [known])
        oids = dict(cursor.fetchall())
    return [oids.get(DECLARED.get(kinds.get(name)), 0) for name in names]


def _refused(result: Any, starts: list[tuple[int, int]]) -> Described:
    message = result.error_message.decode().splitlines()[0].partition(":")[2].strip()
    at = result.error_field(POSITION)
    return Described(error=message, position=None if at is None else _original(int(at) - 1, starts))


def _original(position: int, starts: list[tuple[int, int]]) -> int:
    """Where a character of the prepared text stands in the file's."""
    here, there = max(each for each in starts if each[0] <= position)
    return there + position - here


def _told(result: Any, names: list[str], statement: Statement, connection: Any) -> Described:
    oids = [result.param_type(n) for n in range(result.nparams)]
    columns = range(result.nfields)
    types = _types({*oids, *(result.ftype(n) for n in columns)}, connection)
    nullable = _nullable([(result.ftable(n), result.ftablecol(n)) for n in columns], connection)
    hidden = bool(OUTER.intersection(words(statement.text)))
    found = Described()
    for name, oid in zip(names, oids, strict=False):
        found.parameters[name] = types[oid]
    for n in columns:
        kind, database = types[result.ftype(n)]
        may_be_null = None if hidden else nullable[n]
        found.columns.append(Column(result.fname(n).decode(), kind, may_be_null, database))
    return found


def _types(oids: set[int], connection: Any) -> dict[int, tuple[type | None, str]]:
    """By oid (Python's type, PostgreSQL's name); of a domain those of what it is made of."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT t.oid, coalesce(b.typname, t.typname), t.typcategory, t.typtype, t.typname
            FROM pg_type t LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
            WHERE t.oid = ANY(%s)""",
            [list(oids)],
        )
        rows = cursor.fetchall()
    found: dict[int, tuple[type | None, str]] = dict.fromkeys(oids, (None, "unknown"))
    for oid, base, category, kind, name in rows:
        if category == "A":
            found[oid] = list, name.lstrip("_") + "[]"
        else:
            found[oid] = (str if kind == "e" else PYTHONS.get(base)), name
    return found


def _nullable(places: list[tuple[int, int]], connection: Any) -> list[bool | None]:
    """Of each plain column of a table whether it may be NULL; None of all others."""
    tables = [table for table, _ in places if table]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT a.attrelid, a.attnum, NOT a.attnotnull FROM pg_attribute a
            JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
            WHERE a.attrelid = ANY(%s)""",
            [tables],
        )
        known = {(table, number): value for table, number, value in cursor.fetchall()}
    return [known.get(place) for place in places]
