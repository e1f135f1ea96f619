"""Entries in the table that ``createcachetable`` made, by SQL of our own.

Over connections of our own, too: in the page's transaction an entry would be rolled back with it,
and what is asked here is no query of the page's.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from django.conf import settings
from django.core.cache import caches
from django.db import Error, router

from .._chance import chance
from .._errors import CacheError, Unavailable
from .._servers._keys import entry_key
from .._servers._kinds import prefix_and_version
from ._private import Connections
from ._store import OneByOne

T = TypeVar("T")

SWEEP_EVERY: Final = 64  # sets, on average
SWEPT: Final = 200  # rows at a time
CENTURY: Final = 100 * 365 * 24 * 3600  # seconds; columns end in the year 9999

GET: Final = "SELECT cache_key, value FROM {t} WHERE cache_key IN ({keys}) AND expires > %s"
SET: Final = """
INSERT INTO {t} (cache_key, value, expires) SELECT %s, %s, %s WHERE {condition}
ON CONFLICT (cache_key) DO UPDATE SET value = excluded.value, expires = excluded.expires
"""
HELD: Final = "EXISTS (SELECT 1 FROM {t} WHERE cache_key = %s AND value = %s AND expires > %s)"
ADD: Final = f"{SET} WHERE {{t}}.expires <= %s"
DELETE: Final = "DELETE FROM {t} WHERE cache_key = %s"
RELEASE: Final = f"{DELETE} AND value = %s"
SWEEP: Final = """
DELETE FROM {t} WHERE cache_key IN (
    SELECT cache_key FROM {t} WHERE cache_key LIKE 'unhurried:e:%%' AND expires < %s LIMIT {swept}
)
"""


class DatabaseStore(OneByOne):
    """The store of a database alias, on SQLite and PostgreSQL."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self._prefix, self._version = prefix_and_version(alias)
        model: Any = vars(caches[alias])["cache_model_class"]
        self._connections = Connections(router.db_for_write(model))
        self._table = model._meta.db_table
        if self._connections.vendor not in ("sqlite", "postgresql"):
            raise CacheError(
                f"CACHES[{alias!r}] is a table in {self._connections.vendor}.",
                "Entries in a database need SQLite or PostgreSQL; name another cache.",
            )

    def _key(self, key: str) -> str:
        return entry_key(self._prefix, self._version, key).decode()

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Those of the keys that are there."""
        names = {self._key(key): key for key in keys}
        if not names:
            return {}
        sql = GET.replace("{keys}", ", ".join(["%s"] * len(names)))
        rows = self._asked(sql, [*names, _Time(0.0)], _rows)
        return {names[name]: base64.b64decode(value) for name, value in rows}

    def get_with_tokens(self, keys: Sequence[str], tags: Sequence[str]) -> None:
        """No tokens lie here."""
        return None

    def set(self, key: str, data: bytes, ttl: float) -> None:
        """Keep the data under the key."""
        if ttl > 0:
            self._run(
                SET.replace("{condition}", "1 = 1"), [self._key(key), _text(data), _Time(ttl)]
            )
            self._sweep()

    def set_if(self, key: str, data: bytes, ttl: float, lease: str, holder: bytes) -> bool:
        """Keep it only while ``lease`` holds ``holder``, and give that back; one statement looks
        and keeps, so nothing is between.
        """
        if ttl <= 0:
            return False
        held = [self._key(lease), _text(holder), _Time(0.0)]
        sql = SET.replace("{condition}", HELD)
        kept = self._run(sql, [self._key(key), _text(data), _Time(ttl), *held]) > 0
        if kept:
            self.release(lease, holder)
        return kept

    def add(self, key: str, data: bytes, ttl: float) -> bool:
        """Keep it if there is nothing, or what has expired."""
        if ttl <= 0:
            return False
        sql = ADD.replace("{condition}", "1 = 1")
        return self._run(sql, [self._key(key), _text(data), _Time(ttl), _Time(0.0)]) > 0

    def release(self, lease: str, holder: bytes) -> None:
        """Delete the lease if it still holds ``holder``."""
        self._run(RELEASE, [self._key(lease), _text(holder)])

    def delete(self, key: str) -> None:
        """Forget the key."""
        self._run(DELETE, [self._key(key)])

    def _sweep(self) -> None:
        if chance.randrange(SWEEP_EVERY) == 0:
            self._run(SWEEP.replace("{swept}", str(SWEPT)), [_Time(0.0)])

    def _run(self, sql: str, values: list[Any]) -> int:
        """How many rows were touched."""
        return int(self._asked(sql, values, lambda cursor: cursor.rowcount))

    def _asked(self, sql: str, values: list[Any], answer: Callable[[Any], T]) -> T:
        if not _in_a_loop():
            return self._said(sql, values, answer)
        # Of a coroutine that fails or goes away, and may not wait: Django has no connection there.
        with ThreadPoolExecutor(1) as threads:
            return threads.submit(self._said, sql, values, answer).result()

    def _said(self, sql: str, values: list[Any], answer: Callable[[Any], T]) -> T:
        with _world(self.alias), self._connections.lent() as connection:
            ops = connection.ops
            text = sql.replace("{t}", ops.quote_name(self._table))
            given = [v.for_(ops) if isinstance(v, _Time) else v for v in values]
            with connection.cursor() as cursor:
                cursor.execute(text, given)
                return answer(cursor)


class _Time(float):
    """Seconds from now, to be said as the database says times."""

    def for_(self, ops: Any) -> Any:
        when = datetime.now(UTC) + timedelta(seconds=min(float(self), CENTURY))
        if not settings.USE_TZ:
            when = when.astimezone().replace(tzinfo=None)
        return ops.adapt_datetimefield_value(when)


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _rows(cursor: Any) -> Any:
    return cursor.fetchall()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


@contextmanager
def _world(alias: str) -> Iterator[None]:
    try:
        yield
    except Error as error:
        raise Unavailable(f"The cache {alias!r}: {error}") from error
