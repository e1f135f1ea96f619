"""SQLite is asked by EXPLAIN, which compiles a statement, and by ``LIMIT 0`` around it."""

from __future__ import annotations

from typing import Any, Final

from django.db import DatabaseError

from ._statement import Statement
from ._told import Column, NotAskedError, RefusedError, Told

#: A PRAGMA may be done as it is compiled; of an EXPLAIN there is none.
_NOT_EXPLAINED: Final = frozenset({"pragma", "explain"})
_ANYTHING: Final = 1  # for each parameter: it is bound and not looked at


def ask(statement: Statement, connection: Any) -> Told:
    """Raises RefusedError, NotAskedError. Of types it says nothing."""
    if statement.verb in _NOT_EXPLAINED:
        raise NotAskedError(f"{statement.verb.upper()} can't be looked at without running it")
    _run(f"EXPLAIN {statement.for_cursor}", statement, connection)
    return Told(_columns(statement, connection), {})


def _columns(statement: Statement, connection: Any) -> list[Column] | None:
    if "returning" in statement.words:
        return None  # no SELECT can be put around it
    if statement.writes:
        return []
    around = f"SELECT * FROM (\n{statement.for_cursor}\n) LIMIT 0"
    return [Column(each[0]) for each in _run(around, statement, connection) or ()]


def _run(sql: str, statement: Statement, connection: Any) -> Any:
    values = {each.name: _ANYTHING for each in statement.head.parameters}
    with connection.cursor() as cursor:
        try:
            cursor.execute(sql, values or None)
        except DatabaseError as error:
            raise RefusedError(str(error)) from error
        return cursor.description
