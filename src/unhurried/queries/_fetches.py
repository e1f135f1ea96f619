"""Rows and bytes that the database handed over: what a remedy may not multiply."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from unhurried.measure import reading as measure


class Fetches:
    """Counted while a block runs."""

    def __init__(self) -> None:
        self.rows = 0
        self.bytes = 0

    def add(self, rows: Any) -> Any:
        for row in rows:
            self.rows += 1
            self.bytes += sum(map(_size, row))
        return rows


def _size(value: Any) -> int:
    if isinstance(value, str | bytes | bytearray | memoryview):
        return len(value)
    return 8 if isinstance(value, int | float) else len(str(value)) if value is not None else 1


_fetching: ContextVar[tuple[Fetches, ...]] = ContextVar("unhurried_fetching", default=())


class _Observer:
    """Puts a stand-in into Django's cursor, which passes all rows."""

    def before(self, statement: Any) -> None:
        pass

    def after(self, statement: Any, error: BaseException | None) -> None:
        open_here, cursor = _fetching.get(), statement.cursor
        if open_here and error is None and getattr(cursor, "cursor", None) is not None:
            raw = cursor.cursor
            while isinstance(raw, Cursor):
                raw = raw.raw
            cursor.cursor = Cursor(raw, open_here[-1])


_observer: Final = _Observer()


class Cursor:
    """A driver's cursor that counts what it hands over."""

    def __init__(self, raw: Any, fetches: Fetches) -> None:
        self.raw = raw
        self.fetches = fetches

    def fetchone(self) -> Any:
        row = self.raw.fetchone()
        if row is not None:
            self.fetches.add([row])
        return row

    def fetchmany(self, *args: Any) -> Any:
        return self.fetches.add(self.raw.fetchmany(*args))

    def fetchall(self) -> Any:
        return self.fetches.add(self.raw.fetchall())

    def __iter__(self) -> Iterator[Any]:
        for row in self.raw:
            self.fetches.add([row])
            yield row

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


@contextmanager
def counted() -> Iterator[Fetches]:
    """Count what is fetched in this context, and those that inherit it."""
    fetches = Fetches()
    token = _fetching.set((*_fetching.get(), fetches))
    measure.observers.append(_observer)
    try:
        yield fetches
    finally:
        measure.observers.remove(_observer)
        _fetching.reset(token)
