"""Fetching, where it is the work: SQLite steps through its rows as they are fetched, and a
server-side cursor asks for them. Drivers of other cursors have the rows by then.

SQLite's cursor becomes, for as long as it has rows, an instance of a subclass of its own class that
times each fetch; a server-side cursor, whose class may be the driver's own in C, gets a stand-in.
Both charge the database's part, and the statement that was executed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import Any

from .._record import DB, Seen, current

#: A driver's cursor class -> its subclass that times fetches.
_classes: dict[type, type] = {}


def timed(cursor: Any, vendor: str, seen: Seen | None) -> None:
    """Time what will be fetched from Django's cursor, from now on for this statement."""
    raw = cursor.cursor
    if vendor == "sqlite" and raw.__class__ is not Fetched:
        try:
            raw.__class__ = _classes.get(raw.__class__) or _class(raw.__class__)
            raw.unhurried_seen = seen
            return
        except (TypeError, AttributeError):  # a class of somebody's own, of another layout
            pass
    elif getattr(raw, "name", None) is None:
        return
    cursor.cursor = raw = raw if raw.__class__ is Fetched else Fetched(raw)
    _set(raw, "_seen", seen)


def _class(kind: type) -> type:
    """A subclass of a cursor class of SQLite with the same layout."""

    class Timed(kind):  # type: ignore[misc]
        __slots__ = ()

        def fetchmany(self, size: int | None = None) -> Any:
            if size is None:
                size = self.arraysize
            rows = _charged(self.unhurried_seen, super().fetchmany, size)
            if len(rows) < size:  # that was all: the ORM asks once more, and is told so untimed
                self.__class__ = kind
            return rows

        def fetchone(self) -> Any:
            return _charged(self.unhurried_seen, super().fetchone)

        def fetchall(self) -> Any:
            return _charged(self.unhurried_seen, super().fetchall)

        def __next__(self) -> Any:
            return _charged(self.unhurried_seen, super().__next__)

    _classes[kind] = _classes[Timed] = Timed
    return Timed


class Fetched:
    """Stands in for a driver's server-side cursor, and charges its fetches to the database."""

    __slots__ = ("_cursor", "_seen")

    def __init__(self, cursor: Any) -> None:
        _set(self, "_cursor", cursor)

    def fetchmany(self, *args: Any) -> Any:
        return _charged(self._seen, self._cursor.fetchmany, *args)

    def fetchone(self) -> Any:
        return _charged(self._seen, self._cursor.fetchone)

    def fetchall(self) -> Any:
        return _charged(self._seen, self._cursor.fetchall)

    def close(self) -> None:
        self._cursor.close()

    def __iter__(self) -> Iterator[Any]:
        step = iter(self._cursor).__next__  # the driver fetches as many at a time as it likes
        while True:
            try:
                row = _charged(self._seen, step)
            except StopIteration:
                return
            yield row

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._cursor, name, value)

    def __enter__(self) -> Any:
        return self._cursor.__enter__()

    def __exit__(self, *exc: Any) -> Any:
        return self._cursor.__exit__(*exc)


_set = object.__setattr__


def _charged(seen: Seen | None, fetch: Callable[..., Any], *args: Any) -> Any:
    record = current.get()
    if record is None:
        return fetch(*args)
    record.enter(DB)
    began = perf_counter_ns()
    try:
        return fetch(*args)
    finally:
        if seen is not None:
            seen.fetch += perf_counter_ns() - began
        record.leave(DB)
