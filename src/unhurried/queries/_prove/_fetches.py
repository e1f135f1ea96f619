"""What passed between the page and its databases: rows and bytes, which a remedy may not multiply,
and what was written, which it may not change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2s
from typing import Any, Final

from django.db import DatabaseError, connections, transaction

from unhurried.measure import reading as measure

from .._sql._reads import bare
from ._bodies import normalised

MOST: Final = 10_000  # rows of a table that are looked at
_NAME: Final = r"(?:\"(?:[^\"]|\"\")+\"|`[^`]+`|\[[^\]]+\]|[\w$]+)"
_WRITE: Final = re.compile(
    r"(?:INSERT\s+(?:OR\s+\w+\s+)?INTO|UPDATE|DELETE\s+FROM|REPLACE\s+INTO|MERGE\s+INTO)\s+"
    rf"(?:ONLY\s+)?((?:{_NAME}\s*\.\s*)*({_NAME}))",
    re.IGNORECASE,
)
OF_THIS_VISIT: Final = ("django_session",)


class Fetches:
    """Counted while a block runs."""

    def __init__(self) -> None:
        self.rows = 0
        self.bytes = 0
        self.writes: list[str] = []
        self.tables: set[tuple[str, str]] = set()  # (alias, name as the statement had it)
        self.unread = ""  # why ``state`` does not know what a table holds

    def write(self, statement: Any) -> None:
        """Keep what was written, but for the session, which is this visit's own."""
        found = _WRITE.match(bare(str(statement.sql)))
        if found is None or found[2].strip('"`[]') in OF_THIS_VISIT:
            return
        self.tables.add((statement.alias, found[1]))
        self.writes.append(f"{statement.alias} {statement.sql} {_timeless(statement.params)}")

    @property
    def digest(self) -> str:
        """Of all that was written, in its order."""
        return blake2s("\n".join(self.writes).encode()).hexdigest() if self.writes else ""

    def state(self) -> str:
        """Of the tables that were written to, as they are now: asked inside the transaction.

        What can't be read or is too large is left out, and ``unread`` says so.
        """
        said = []
        for alias, table in sorted(self.tables):
            try:
                rows = _rows(alias, table)
            except DatabaseError as error:  # a table of the page's own that is gone again
                self.unread = f"{table}, which it writes to, can't be read: {error}"[:300]
                continue
            if len(rows) > MOST:
                self.unread = f"the table {table}, which it writes to, is larger than {MOST:,} rows"
                continue  # which rows come first is by chance
            said += sorted(map(_timeless, rows))
        return blake2s("\n".join(said).encode()).hexdigest() if said else ""

    def add(self, rows: Any) -> Any:
        for row in rows:
            self.rows += 1
            self.bytes += sum(map(_size, row))
        return rows


def _rows(alias: str, table: str) -> list[Any]:
    """All, or more than ``MOST``. The savepoint: on PostgreSQL an error ends the transaction."""
    connection = connections[alias]
    limit = connection.ops.limit_offset_sql(0, MOST + 1)
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} {limit}")
        return list(cursor.fetchall())


def _timeless(values: Any) -> str:
    """Values as text; a moment within seconds of now is now."""
    return normalised(str(values).encode()).decode()


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
        if open_here and error is None:
            open_here[-1].write(statement)
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
