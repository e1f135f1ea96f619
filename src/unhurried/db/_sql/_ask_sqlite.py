"""SQLite is asked by EXPLAIN, which compiles a statement, and for names by a view that is not read.

Both by the driver itself: no cursor of Django's is to say that tables were read, or changed.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import DatabaseError

from ._statement import Statement
from ._told import Column, NotAskedError, RefusedError, Told

#: A PRAGMA may be done as it is compiled; of an EXPLAIN there is none.
_NOT_EXPLAINED: Final = frozenset({"pragma", "explain"})
_GIVES_ROWS: Final = frozenset({"select", "values", "with"})
_ANYTHING: Final = 1  # for each parameter: it is bound and not looked at


def ask(statement: Statement, connection: Any) -> Told:
    """Raises RefusedError, NotAskedError. Of types it says nothing."""
    if statement.verb in _NOT_EXPLAINED:
        raise NotAskedError(f"{statement.verb.upper()} can't be looked at without running it")
    connection.ensure_connection()
    driver = connection.connection
    values = {each.name: _ANYTHING for each in statement.head.parameters}
    try:
        with connection.wrap_database_errors:
            driver.execute(f"EXPLAIN {statement.rendered(lambda name: f':{name}')}", values)
            return Told(_columns(statement, driver), {})
    except DatabaseError as error:
        raise RefusedError(str(error)) from error


def _columns(statement: Statement, driver: Any) -> list[Column] | None:
    """``LIMIT 0`` would not do: expressions that are used twice are computed before it."""
    if statement.verb not in _GIVES_ROWS or statement.writes:
        return None if "returning" in statement.words else []
    sql = statement.rendered(lambda name: "NULL")  # a view has no parameters
    driver.execute(f"CREATE TEMPORARY VIEW unhurried_sqlcheck AS {sql}")
    try:
        rows = driver.execute("PRAGMA temp.table_info(unhurried_sqlcheck)").fetchall()
    finally:
        driver.execute("DROP VIEW temp.unhurried_sqlcheck")
    return [Column(row[1]) for row in rows]
