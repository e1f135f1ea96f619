"""Rows from the database, in parts, as tuples of what the driver gives."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final

from django.core.exceptions import EmptyResultSet

from .._direct import Rows, answered, hasten


def parts(compiler: Any, size: int, *, chunked: bool) -> Iterator[Rows]:
    """The rows of a query, ``size`` at a time; ``chunked``: from a cursor of the server's.

    Only when it has been advanced to the first part, the compiler knows what is selected.
    """
    try:
        sql, params = compiler.as_sql()
    except EmptyResultSet:
        return
    if sql:
        width = compiler.col_count if compiler.has_extra_select else None
        yield from executed(compiler.connection, sql, params, size, width, chunked=chunked)


def executed(
    connection: Any,
    sql: str,
    params: Sequence[Any],
    size: int,
    width: int | None = None,
    *,
    chunked: bool = False,
) -> Iterator[Rows]:
    """The rows of a statement; of each the first ``width`` values."""
    way = None if chunked else answered(connection, sql, params)
    if way is None:
        found = _by_cursor(connection, sql, params, size, chunked=chunked)
    else:
        found = way.parts(size)
    return found if width is None else ([row[:width] for row in rows] for rows in found)


def _by_cursor(
    connection: Any, sql: str, params: Sequence[Any], size: int, *, chunked: bool
) -> Iterator[Rows]:
    off = connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS", False)
    with connection.chunked_cursor() if chunked and not off else connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            hasten(connection, cursor)
        cursor.execute(sql, params)
        while rows := cursor.fetchmany(size):
            yield rows
            if len(rows) < size:
                return


class Pause:
    """No collection of garbage while rows are made into objects: none of them is any.

    It would look through all of them again and again. Counted, so that threads may overlap.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._count = 0
        self._was_on = False

    def begin(self) -> None:
        with self._lock:
            if self._count == 0:
                self._was_on = gc.isenabled()
                gc.disable()
            self._count += 1

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0 and self._was_on:
                gc.enable()

    def after_fork(self) -> None:
        """A child has the pause of threads that it has not."""
        if self._count and self._was_on:
            gc.enable()
        self._lock, self._count = Lock(), 0


pause: Final = Pause()
os.register_at_fork(after_in_child=pause.after_fork)


@contextmanager
def no_collection() -> Iterator[None]:
    pause.begin()
    try:
        yield
    finally:
        pause.end()
