"""The tap: one persistent execute wrapper per connection, through which every statement passes.

It sees executes. It does not see connects (counted by signal), COMMIT and ROLLBACK of Django's own
transactions, ``callproc``, nor fetches; those of SQLite and of server-side cursors, where fetching
is the work, are timed by a stand-in for the driver's cursor inside ``context["cursor"]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, Final, Protocol

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from .._errors import swallow
from .._record import DB, Record, current

#: Not queries: the database's own bookkeeping of transactions. Its time is database time.
CONTROL: Final = (
    *("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "START TRANSACTION"),
    *("SET TRANSACTION", "PREPARE TRANSACTION", "END"),
)
_CONTROL_INITIALS: Final = frozenset("BCRSPEbcrspe")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement on its way to the database; ``tables`` and ``writes`` only where declared."""

    alias: str
    sql: Any
    params: Any = None
    many: bool = False
    tables: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


class Listener(Protocol):
    """What may be heard: before a statement is sent, and after it has come back or failed."""

    def before(self, statement: Statement) -> None: ...

    def after(self, statement: Statement, error: BaseException | None) -> None: ...


#: Observers fail open; guards (of the cache's tokens) may refuse the statement by raising.
observers: list[Listener] = []
guards: list[Listener] = []


def tap(
    execute: Callable[..., Any],
    sql: Any,
    params: Any,
    many: bool,  # noqa: FBT001 - Django's signature
    context: dict[str, Any],
) -> Any:
    """The execute wrapper (Django: "Database instrumentation")."""
    record = current.get()
    if observers or guards:
        execute = _heard_by_all(execute)
    if record is None:
        return execute(sql, params, many, context)
    if not record.simple:
        record.enter(DB)
    began = perf_counter_ns()
    try:
        return execute(sql, params, many, context)
    finally:
        if record.simple:
            took = perf_counter_ns() - began
            record.parts[DB] += took
            record.last += took  # so that it is not the time of what is on top: no stack needed
        else:
            record.leave(DB)
        if (sql.__class__ is str and sql[:6] == "SELECT") or not is_control(sql):
            record.queries += 1
        if many:
            _count_rows(record, params)
        cursor = context["cursor"]
        raw = cursor.cursor
        if context["connection"].vendor == "sqlite" or getattr(raw, "name", None) is not None:
            cursor.cursor = raw if type(raw) is Fetched else Fetched(raw)


def _heard_by_all(execute: Callable[..., Any]) -> Callable[..., Any]:
    def heard(sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:  # noqa: FBT001
        with _heard(Statement(context["connection"].alias, sql, params, many)):
            return execute(sql, params, many, context)

    return heard


def is_control(sql: Any) -> bool:
    """Whether the statement only begins, ends or marks a transaction."""
    if not isinstance(sql, str) or sql[:1] not in _CONTROL_INITIALS:
        return False
    return sql[:24].upper().startswith(CONTROL)


def _count_rows(record: Record, params: Any) -> None:
    if isinstance(params, Sequence):
        record.seldom().rows += len(params)


class Fetched:
    """Stands in for a driver's cursor where fetching is the work, and charges it to the database.

    SQLite steps through the rows as they are fetched, and so does a server-side cursor.
    """

    __slots__ = ("_cursor",)

    def __init__(self, cursor: Any) -> None:
        _set(self, "_cursor", cursor)

    def fetchmany(self, *args: Any) -> Any:
        record = current.get()
        if record is None or not record.simple:
            return _charged(self._cursor.fetchmany, *args)
        began = perf_counter_ns()
        try:
            return self._cursor.fetchmany(*args)
        finally:  # as in ``tap``: the ORM reads all its rows by this
            took = perf_counter_ns() - began
            record.parts[DB] += took
            record.last += took

    def fetchone(self) -> Any:
        return _charged(self._cursor.fetchone)

    def fetchall(self) -> Any:
        return _charged(self._cursor.fetchall)

    def close(self) -> None:
        self._cursor.close()

    def __iter__(self) -> Iterator[Any]:
        step = iter(self._cursor).__next__  # the driver fetches as many at a time as it likes
        while True:
            try:
                row = _charged(step)
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


def _charged(fetch: Callable[..., Any], *args: Any) -> Any:
    record = current.get()
    if record is None:
        return fetch(*args)
    record.enter(DB)
    try:
        return fetch(*args)
    finally:
        record.leave(DB)


@contextmanager
def statement(
    alias: str, sql: Any, tables: Sequence[str] = (), writes: Sequence[str] = ()
) -> Iterator[None]:
    """The same door for roads that bypass cursors (COPY): counted, timed and heard."""
    record = current.get()
    with _heard(Statement(alias, sql, tables=tuple(tables), writes=tuple(writes))):
        if record is None:
            yield
            return
        record.enter(DB)
        try:
            yield
        finally:
            record.leave(DB)
            record.queries += 1


@contextmanager
def _heard(statement: Statement) -> Iterator[None]:
    for guard in guards:
        guard.before(statement)
    _observe("before", statement)
    try:
        yield
    except BaseException as error:
        _observe("after", statement, error)
        for guard in guards:
            guard.after(statement, error)
        raise
    _observe("after", statement, None)
    for guard in guards:
        guard.after(statement, None)


def _observe(verb: str, *args: Any) -> None:
    for observer in observers:
        try:
            getattr(observer, verb)(*args)
        except Exception as error:  # boundary: an observer of statements never breaks one
            swallow(f"an observer ({type(observer).__name__})", error)


def _connected(*, connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    attach(connection)
    record = current.get()
    if record is not None:
        record.connects += 1


def attach(connection: BaseDatabaseWrapper) -> None:
    """Put the tap at index 0: ``execute_wrapper()`` leaves by pop(), it would take one appended."""
    if tap not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, tap)


def install() -> None:
    connection_created.connect(_connected, dispatch_uid="unhurried.tap")
    for connection in connections.all(initialized_only=True):
        attach(connection)
