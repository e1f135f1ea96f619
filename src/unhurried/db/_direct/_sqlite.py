"""SQLite: the module's own cursor, with its own marks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from sqlite3 import Connection
from typing import Any, Final

from django.db.backends.sqlite3.base import DatabaseWrapper, SQLiteCursorWrapper

from ._own import is_own, makes_plain_cursors

MARK: Final = re.compile("(?<!%)%s")


class Way:
    """One statement's. Django's wrapper stays around the cursor, for fetching is timed there."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        with connection.wrap_database_errors:
            self._raw = connection.connection.cursor()
        self.cursor = connection.make_cursor(self._raw)

    def send(self, sql: str, params: Sequence[Any], *beside: Any) -> None:
        with self._connection.wrap_database_errors:
            self._raw.execute(own_marks(sql), params)

    def close(self) -> None:
        self.cursor.close()

    @property
    def changed(self) -> int:
        return int(self._raw.rowcount)

    def parts(self, size: int) -> Iterator[Sequence[tuple[Any, ...]]]:
        with self.cursor as cursor:
            while rows := cursor.fetchmany(size):
                yield rows
                if len(rows) < size:
                    return


EXECUTE: Final = is_own(SQLiteCursorWrapper.execute, "django") and SQLiteCursorWrapper.execute


def way(connection: Any, sql: str) -> Way | None:
    if type(connection.connection) is not Connection or SQLiteCursorWrapper.execute is not EXECUTE:
        return None
    return Way(connection) if makes_plain_cursors(connection, DatabaseWrapper) else None


@lru_cache(500)
def own_marks(sql: str) -> str:
    """``?`` for ``%s``, as Django's cursor says it."""
    return MARK.sub("?", sql).replace("%%", "%")
