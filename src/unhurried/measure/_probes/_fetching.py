"""Fetching, where it is the work: SQLite steps through its rows as they are fetched, and a
server-side cursor asks for them. Drivers of other cursors have the rows by then.

A connection makes such cursors of a class of ours below Django's own, whose fetches charge the
database's part and the statement that was executed. They cost next to nothing: Django's wrapper
finds a fetch through ``__getattr__`` and enters a context manager around it, ours is a method, and
turns to ``wrap_database_errors`` when there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from .._compiled import compiled
from .._record import DB, Seen, current

#: Called with (cursor, nanoseconds) after each fetch that is timed; counting blocks subscribe.
fetched: list[Callable[[Any, int], None]] = []

#: Whom the fetches of transaction control are charged to.
NOBODY: Final = Seen("", "")

if TYPE_CHECKING:
    Base = CursorWrapper
else:
    Base = object


class Timed(Base):
    """Mixed into a class of Django's cursors; ``unhurried_seen`` is set by the tap."""

    unhurried_seen: Seen = NOBODY

    def fetchmany(self, size: int | None = None) -> Any:
        record = current.get()
        if record is None or not record.simple or size is None or fetched:
            return self._charged(self.cursor.fetchmany, *(() if size is None else (size,)))
        began = perf_counter_ns()
        try:
            rows = self.cursor.fetchmany(size)
        except BaseException:
            with self.db.wrap_database_errors:
                raise
        took = perf_counter_ns() - began
        record.parts[DB] += took  # as in ``tap``: the ORM reads all its rows by this
        record.last += took
        self.unhurried_seen.fetch += took
        return rows

    def raise_wrapped(self, error: BaseException) -> None:
        """The same, where it is the compiled one that has failed."""
        with self.db.wrap_database_errors:
            raise error

    def fetchone(self) -> Any:
        return self._charged(self.cursor.fetchone)

    def fetchall(self) -> Any:
        return self._charged(self.cursor.fetchall)

    def __iter__(self) -> Iterator[Any]:
        step = iter(self.cursor).__next__  # the driver fetches as many at a time as it likes
        while True:
            try:
                row = self._charged(step)
            except StopIteration:
                return
            yield row

    def _charged(self, fetch: Callable[..., Any], *args: Any) -> Any:
        record = current.get()
        if record is None and not fetched:
            with self.db.wrap_database_errors:
                return fetch(*args)
        if record is not None:
            record.enter(DB)
        began = perf_counter_ns()
        try:
            with self.db.wrap_database_errors:
                return fetch(*args)
        finally:
            took = perf_counter_ns() - began
            if record is not None:
                self.unhurried_seen.fetch += took
                record.leave(DB)
            for hear in fetched:
                hear(self, took)


if compiled is not None:
    compiled.fetch_wire(
        fetchmany=Timed.fetchmany,
        fetched=fetched,
    )
    Timed.fetchmany = compiled.fetchmany  # type: ignore[method-assign]


class TimedCursor(Timed, CursorWrapper):
    """What ``make_cursor`` gives, timed."""


#: A class of Django's cursors, or somebody's below it -> the same, timed.
_classes: dict[type, type] = {CursorWrapper: TimedCursor}


def attach(connection: BaseDatabaseWrapper) -> None:
    """Have the connection make its cursors timed, where fetching is the work."""
    plain = type(connection).make_cursor is BaseDatabaseWrapper.make_cursor
    if plain and connection.vendor == "sqlite":
        make: Callable[[Any], Any] = partial(TimedCursor, db=connection)
    else:
        make = partial(_make, connection.make_cursor, connection.vendor)
    connection.make_cursor = make  # type: ignore[method-assign,assignment]
    connection.unhurried_make = make  # type: ignore[attr-defined]  # so that another's is seen
    debug = partial(_make, connection.make_debug_cursor, connection.vendor)
    connection.make_debug_cursor = debug  # type: ignore[method-assign]


def _make(original: Callable[[Any], Any], vendor: str, driver: Any) -> Any:
    cursor = original(driver)
    if vendor == "sqlite" or getattr(driver, "name", None) is not None:
        cursor.__class__ = _timed(cursor.__class__)
    return cursor


def _timed(kind: type) -> type:
    made = _classes.get(kind)
    if made is None:
        made = _classes[kind] = type(f"Timed{kind.__name__}", (Timed, kind), {})
    return made
