"""How a question is put: a named file of SQL, read only, under timeouts, in its own savepoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any, Final

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

STATEMENT_TIMEOUT: Final = "5000"  # milliseconds
LOCK_TIMEOUT: Final = "1000"
PATH: Final = "pg_catalog"
#: What a savepoint's end takes back: none of it outlasts the question.
_GUARD: Final = """
    SELECT /* unhurried dba */
        set_config('transaction_read_only', 'on', true),
        set_config('statement_timeout', %s, true),
        set_config('lock_timeout', %s, true),
        set_config('jit', 'off', true),
        set_config('search_path', %s, true)
"""

Row = dict[str, Any]


@cache
def text(name: str) -> str:
    """The statement in ``sql/<name>.sql``."""
    return (files("unhurried.db") / "sql" / f"{name}.sql").read_text("utf-8")


class Look:
    """One look at a database: each file is asked once, however many questions want its rows."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self._rows: dict[str, list[Row]] = {}

    @property
    def connection(self) -> BaseDatabaseWrapper:
        return connections[self.alias]

    def rows(self, name: str, path: str = PATH) -> list[Row]:
        """Those of ``sql/<name>.sql`` as dicts, under this search path. Raises DatabaseError."""
        if name not in self._rows:
            with self._guarded(path), self.connection.cursor() as cursor:
                self._ask(cursor, text(name))
                names = [column[0] for column in cursor.description]
                self._rows[name] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return self._rows[name]

    def _ask(self, cursor: Any, sql: str, params: Any = None) -> None:
        """By the driver's cursor, past the tap: nothing is written, and settings are taken back.

        Who keeps pages would take ``set_config`` for a write of anything, and keep none from then.
        """
        with self.connection.wrap_database_errors:
            cursor.cursor.execute(sql, params)

    def row(self, name: str, path: str = PATH) -> Row:
        return self.rows(name, path)[0]

    @staticmethod
    def quoted(name: str) -> str:
        """A name of the catalogue as SQL; ``quote_name`` is for names without quotes."""
        doubled = name.replace('"', '""')
        return f'"{doubled}"'

    @contextmanager
    def _guarded(self, path: str) -> Iterator[None]:
        """A transaction or, inside one, a savepoint; rolled back, as there is nothing to keep."""
        with transaction.atomic(using=self.alias):
            with self.connection.cursor() as cursor:
                self._ask(cursor, _GUARD, [STATEMENT_TIMEOUT, LOCK_TIMEOUT, path])
            yield
            transaction.set_rollback(True, using=self.alias)
