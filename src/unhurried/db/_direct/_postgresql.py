"""PostgreSQL: psycopg's connection sends the text, with the literals that its cursor would put in.

It waits as it always does, so that it can be interrupted; its types read the rows. A cursor is
needed for the first statement of a transaction, before which psycopg says BEGIN, and where cursors,
or bindings, are somebody's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any, Final

from django.conf import settings

from unhurried.measure.reading import Seen

from ._own import is_own, makes_plain_cursors

TIMESTAMPTZ: Final = 1184  # its oid in PostgreSQL's pg_type
OTHER_MARK: Final = re.compile("%(?!s)")


class Way:
    """One statement's; the tap finds in it what it needs of a cursor."""

    unhurried_seen: Seen

    def __init__(self, connection: Any) -> None:
        self.db, self._driver = connection, connection.connection

    @property
    def cursor(self) -> Any:
        return self

    def send(self, sql: str, params: Sequence[Any], *beside: Any) -> None:
        psycopg, driver = _psycopg(), self._driver
        with self.db.wrap_database_errors, driver.lock:
            self._reader = reader = _reader(self.db, driver, sql)
            literals = tuple(map(reader.as_literal, params))
            driver.pgconn.send_query(sql.encode(reader.encoding) % literals)
            self._result = result = driver.wait(psycopg.execute(driver.pgconn))[0]
            if result.status not in psycopg.READ:
                raise psycopg.error_from_result(result, encoding=reader.encoding)

    def close(self) -> None:
        """There is nothing to close."""

    @property
    def changed(self) -> int:
        return self._result.command_tuples or 0

    def parts(self, size: int) -> Iterator[Sequence[tuple[Any, ...]]]:
        result, reader = self._result, self._reader
        count = result.ntuples
        for first in range(0, count, size):
            last = min(first + size, count)
            with self.db.wrap_database_errors, self._driver.lock:
                if reader.pgresult is not result:  # it reads another's by now
                    reader.set_pgresult(result)
                rows = reader.load_rows(first, last, tuple)
                if last == count:
                    reader.set_pgresult(None)  # it is kept, what it has read is not
            yield rows


def way(connection: Any, sql: str) -> Way | None:
    driver, psycopg = connection.connection, _psycopg()
    if psycopg is None or type(driver) is not psycopg.Connection:
        return None
    if driver.cursor_factory is not psycopg.Cursor or psycopg.Cursor.execute is not psycopg.own:
        return None
    if not (makes_plain_cursors(connection, psycopg.DatabaseWrapper) and _has_plain_marks(sql)):
        return None
    pgconn = driver.pgconn
    status = pgconn.transaction_status
    if status != psycopg.INTRANS and not (status == psycopg.IDLE and driver.autocommit):
        return None
    if psycopg.has_pipelines and pgconn.pipeline_status:
        return None
    return Way(connection)


@cache
def _psycopg() -> Any:
    """What is used of psycopg 3; None without it."""
    try:
        from django.db.backends.postgresql import base
        from psycopg import Connection, Pipeline, pq
        from psycopg.adapt import Transformer
        from psycopg.errors import error_from_result
        from psycopg.generators import execute
    except ImportError:
        return None
    cursor: Any = base.Cursor
    return SimpleNamespace(
        Connection=Connection,
        Cursor=cursor,
        DatabaseWrapper=base.DatabaseWrapper,
        own=is_own(cursor.execute, "psycopg") and cursor.execute,
        Transformer=Transformer,
        execute=execute,
        error_from_result=error_from_result,
        has_pipelines=Pipeline.is_supported(),
        READ=(pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK),
        IDLE=pq.TransactionStatus.IDLE,
        INTRANS=pq.TransactionStatus.INTRANS,
    )


@lru_cache(500)
def _has_plain_marks(sql: str) -> bool:
    """``%s`` and ``%%``: what psycopg and Python take for the same."""
    return OTHER_MARK.search(sql.replace("%%", "")) is None


MOST: Final = 100  # readers that a connection keeps
SAID: Final = (b"client_encoding", b"DateStyle", b"IntervalStyle", b"TimeZone")


def _reader(connection: Any, driver: Any, sql: str) -> Any:
    """psycopg's Transformer, kept for this text: to make its loaders costs more than a row."""
    kept = vars(connection).get("unhurried_readers")
    if kept is None or kept[0] is not driver:
        kept = connection.unhurried_readers = (driver, {})
    known = kept[1].get(sql)
    if known is not None and known[0].is_as_it_was(connection):
        return known[1]
    if len(kept[1]) >= MOST:
        kept[1].clear()
    types = Types(connection, driver)
    reader = _psycopg().Transformer(types)
    kept[1][sql] = types, reader
    return reader


class Types:
    """A psycopg context: what the connection knows of types now, but moments are read faster."""

    def __init__(self, connection: Any, driver: Any) -> None:
        self.connection, self._known = driver, driver.adapters
        self.types = self._known.types
        self.get_dumper_by_oid = self._known.get_dumper_by_oid
        self._timezone, self._use_tz = connection.timezone, settings.USE_TZ
        self._said = _said(driver)
        self._loaders: dict[tuple[int, Any], Any] = {}
        self._dumpers: dict[tuple[type, Any], Any] = {}

    @property
    def adapters(self) -> Types:
        return self

    def get_loader(self, oid: int, kind: Any) -> Any:
        found = self._loaders[oid, kind] = self._known.get_loader(oid, kind)
        if oid == TIMESTAMPTZ and found is not None:
            return loader_of(found, self._timezone, self._use_tz)
        return found

    def get_dumper(self, kind: type, form: Any) -> Any:
        found = self._dumpers[kind, form] = self._known.get_dumper(kind, form)
        return found

    def is_as_it_was(self, connection: Any) -> bool:
        """Whether what it gave would be given now: all of this may be set at any time."""
        if self._timezone is not connection.timezone or self._use_tz is not settings.USE_TZ:
            return False
        if self._said != _said(self.connection):
            return False
        load, dump = self._known.get_loader, self._known.get_dumper
        for (oid, kind), given in self._loaders.items():
            if load(oid, kind) is not given:
                return False
        return all(dump(cls, form) is given for (cls, form), given in self._dumpers.items())


def _said(driver: Any) -> list[Any]:
    """What the server said of itself, which loaders and dumpers read when they are made."""
    return list(map(driver.pgconn.parameter_status, SAID))


@lru_cache(64)
def loader_of(known: Any, timezone: Any, use_tz: bool) -> Any:  # noqa: FBT001 - a key
    """``known`` for this zone; by ``fromisoformat`` in UTC, for Django's own takes 3.6 us each."""
    if known.timezone != timezone:
        known = type("ZoneLoader", (known,), {"timezone": timezone})
    if not use_tz or timezone is not UTC:
        return known
    return type("QuickLoader", (known,), {"load": _load, "slow": known})


def hasten(connection: Any, cursor: Any) -> None:
    """Let a cursor of Django's read moments as fast."""
    adapters = getattr(cursor.cursor, "adapters", None)  # psycopg 2 has none
    if adapters is None:
        return
    known = adapters.get_loader(TIMESTAMPTZ, 0)
    quick = loader_of(known, connection.timezone, settings.USE_TZ)
    if quick is not known:
        adapters.register_loader(TIMESTAMPTZ, quick)


def _load(self: Any, data: Any, parse: Any = datetime.fromisoformat) -> Any:
    """Any other zone than UTC, style of dates, or infinity is the slow one's business."""
    try:
        found = parse(str(data, "ascii"))
    except ValueError:
        return self.slow.load(self, data)
    return found if found.tzinfo is UTC else self.slow.load(self, data)
