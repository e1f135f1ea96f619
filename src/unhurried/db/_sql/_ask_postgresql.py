"""PostgreSQL is asked by the protocol's Parse and Describe: nothing is planned, nothing run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db import transaction

from ._lexer import NAME, WORD
from ._statement import Statement
from ._told import Column, NotAskedError, Nullable, RefusedError, Told
from ._types import meant
from ._types_of_postgresql import OIDS, types_of

#: What makes NULL of a column that has none, or hides which column it is.
_OUTER: Final = frozenset(
    "left right full rollup cube sets merge old union intersect except".split()
)
#: Tables that heed their NOT NULL, by pg_class.relkind: ordinary ones and partitioned ones.
_HEED: Final = frozenset({"r", "p"})
_UNNAMED: Final = b""  # the statement that the next one replaces


def ask(statement: Statement, connection: Any) -> Told:
    """Raises RefusedError, NotAskedError."""
    if connection.Database.__name__ != "psycopg":
        raise NotAskedError("psycopg 3 is needed to ask PostgreSQL")
    found = _described(statement, connection)
    names = [each.name for each in statement.head.parameters]
    asked = [found.param_type(at) for at in range(found.nparams)]
    given = [found.ftype(at) for at in range(found.nfields)]
    types = types_of([*asked, *given], connection)
    # Of CREATE, SET and the like it says nothing.
    parameters = {name: types[oid] for name, oid in zip(names, asked, strict=False)}
    nullables = _nullables(statement, found, connection)
    columns = [
        Column(found.fname(at).decode(), types[oid], nullable)
        for (at, oid), nullable in zip(enumerate(given), nullables, strict=True)
    ]
    return Told(columns, parameters)


def _described(statement: Statement, connection: Any) -> Any:
    """With parameters of the types that their places ask for.

    Where that can't be told, of those that the header says, as the arguments themselves will be.
    """
    try:
        return _parsed(statement, connection, None)
    except RefusedError as error:
        said = [_oid(statement, each.annotation) for each in statement.head.parameters]
        if any(said):
            try:
                return _parsed(statement, connection, said)
            except RefusedError:
                pass  # what it has said first is nearer to what is written
        raise error


def _oid(statement: Statement, annotation: Any) -> int:
    """0 where nobody knows."""
    return OIDS.get(meant(statement.meaning(annotation)).only, 0)


def _parsed(statement: Statement, connection: Any, oids: list[int] | None) -> Any:
    """In a transaction, or a savepoint, that is rolled back."""
    numbers = {each.name: at for at, each in enumerate(statement.head.parameters, 1)}
    sql = statement.rendered(lambda name: f"${numbers[name]}")
    connection.ensure_connection()
    server, pq = connection.connection.pgconn, connection.Database.pq
    with transaction.atomic(using=connection.alias):
        transaction.set_rollback(True, using=connection.alias)
        for result in (
            server.prepare(_UNNAMED, sql.encode(), oids),
            server.describe_prepared(_UNNAMED),
        ):
            if result.status != pq.ExecStatus.COMMAND_OK:
                raise _refused(result, pq.DiagnosticField, sql)
    return result


def _refused(result: Any, fields: Any, sql: str) -> RefusedError:
    def said(field: Any) -> str:
        return (result.error_field(field) or b"").decode("utf-8", "replace")

    parts = [said(fields.MESSAGE_PRIMARY), said(fields.MESSAGE_DETAIL), said(fields.MESSAGE_HINT)]
    position = said(fields.STATEMENT_POSITION)
    lines = sql.count("\n", 0, int(position) - 1) if position else None
    return RefusedError(". ".join(part.rstrip(".") for part in parts if part), lines)


def _nullables(statement: Statement, found: Any, connection: Any) -> Iterator[Nullable]:
    """Only of what is a table's column as it stands, and under no outer join."""
    origins = [(found.ftable(at), found.ftablecol(at)) for at in range(found.nfields)]
    if not _OUTER.isdisjoint(statement.words):
        origins = [(0, 0)] * len(origins)
    columns = _columns(origins, connection)
    excluded = _said_not_null(statement)
    for origin in origins:
        name, heeds, not_null = columns.get(origin, ("", False, False))
        if not heeds or (name in excluded and not not_null):
            yield "unknown"
        else:
            yield "no" if not_null else "yes"


def _columns(origins: list[tuple[int, int]], connection: Any) -> dict[tuple[int, int], Any]:
    """By table and number: name, whether NOT NULL is heeded there, whether it is NOT NULL."""
    tables = sorted({table for table, _ in origins if table})
    if not tables:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.attrelid, a.attnum, a.attname, a.attnotnull, c.relkind "
            "FROM pg_catalog.pg_attribute a "
            "JOIN pg_catalog.pg_class c ON c.oid = a.attrelid WHERE a.attrelid = ANY(%s)",
            [tables],
        )
        rows = cursor.fetchall()
    return {(row[0], row[1]): (row[2], row[4] in _HEED, row[3]) for row in rows}


def _said_not_null(statement: Statement) -> set[str]:
    """What stands before IS NOT NULL: of such a column nobody knows whether it may be NULL."""
    tokens = [each for each in statement.tokens if each.kind in (WORD, NAME)]
    texts = [each.text.lower() for each in tokens]
    return {
        texts[at - 1].strip('"')
        for at in range(1, len(texts))
        if texts[at : at + 3] == ["is", "not", "null"] or texts[at] == "notnull"
    }
