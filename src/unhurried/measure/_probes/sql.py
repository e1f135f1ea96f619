"""The tap: one persistent execute wrapper per connection, through which every statement passes.

It sees executes. It does not see connects (counted by signal, and timed by what Django knows then),
COMMIT and ROLLBACK of Django's own transactions, ``callproc``, nor fetches; those of SQLite and of
server-side cursors, where fetching is the work, are timed on the driver's cursor inside
``context["cursor"]``, see ``_fetching``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic, perf_counter_ns
from types import FrameType
from typing import Any, Final, Protocol

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from .._compiled import compiled
from .._errors import swallow
from .._record import DB, YEAR, Record, Seen, current
from .._statements import MOST, find, first, hear, note, repeated, tell_met
from . import _fetching
from ._fetching import NOBODY

__all__ = ["Listener", "Statement", "guards", "observers", "repeated", "statement", "tap"]


@dataclass(slots=True)
class Statement:
    """A statement on its way to the database; ``tables`` and ``writes`` only where declared.

    ``took`` is known in ``after``, in nanoseconds; ``cursor`` is Django's, None for roads that have
    none.
    """

    alias: str
    sql: Any
    params: Any = None
    many: bool = False
    tables: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    vendor: str = ""
    cursor: Any = None
    took: int = 0


class Listener(Protocol):
    """What may be heard: before a statement is sent, and after it has come back or failed."""

    def before(self, statement: Statement) -> None: ...

    def after(self, statement: Statement, error: BaseException | None) -> None: ...


#: Observers fail open; guards (of the cache's tokens) may refuse the statement by raising.
observers: list[Listener] = []
guards: list[Listener] = []
#: Called with each connection that gets the tap, once in its life, before its first statement.
attached: list[Callable[[BaseDatabaseWrapper], None]] = []
#: Texts that the only guard there is need not hear, as it has found: those of pages that only read.
unheard: set[str] = set()
MOST_UNHEARD: Final = 2000
LONGEST_UNHEARD: Final = 1000  # characters


def tap(
    execute: Callable[..., Any],
    sql: Any,
    params: Any,
    many: bool,  # noqa: FBT001 - Django's signature
    context: dict[str, Any],
) -> Any:
    """The execute wrapper (Django: "Database instrumentation")."""
    if observers or (
        guards and (len(guards) > 1 or sql.__class__ is not str or sql not in unheard)
    ):
        execute = partial(_heard_by_all, execute)
    record = current.get()
    if record is None or record.wall:  # the latter of what has outlived its request
        return execute(sql, params, many, context)
    if many or not record.simple:
        return _step_by_step(record, execute, sql, params, many, context)
    # From here on written out: each statement of a page pays for our calls.
    began = perf_counter_ns()
    try:
        result = execute(sql, params, many, context)
    except BaseException:
        _failed(record, sql, context, began, perf_counter_ns() - began)
        raise
    took = perf_counter_ns() - began
    record.parts[DB] += took
    record.last += took  # so that it is not the time of what is on top: no stack needed
    cursor = context["cursor"]
    try:
        seen = record.statements.get(sql)
    except TypeError:  # no hash
        seen = None
    if seen is None or seen.alias != cursor.db.alias:
        if seen is None and sql.__class__ is str and sql[:6] == "SELECT":
            seen = first(record, cursor.db.alias, sql)
        else:
            seen = find(record, cursor.db.alias, sql)
        if seen is None:
            cursor.unhurried_seen = NOBODY
            return result
    cursor.unhurried_seen = seen
    record.queries += 1
    seen.count = count = seen.count + 1
    seen.ns += took
    if took < seen.least:
        seen.least = took
    if count >= seen.due:
        hear(record, seen)
    return result


def _failed(
    record: Record,
    sql: Any,
    context: dict[str, Any],
    began: int,
    took: int,
    charged: bool = False,  # noqa: FBT001, FBT002 - asked from C, too
) -> None:
    if not charged:
        record.parts[DB] += took
        record.last += took
    seen = _note(record, context["connection"].alias, sql, began, took, failed=True)
    if charged:  # as below, of a sampled one
        context["cursor"].unhurried_seen = seen or NOBODY


def _step_by_step(
    record: Record,
    execute: Callable[..., Any],
    sql: Any,
    params: Any,
    many: bool,  # noqa: FBT001 - Django's signature
    context: dict[str, Any],
) -> Any:
    """The same with a stack, for threads and tasks that share a record, and for sampled ones."""
    alias, cursor = context["connection"].alias, context["cursor"]
    seen, rows = None, len(params) if many and isinstance(params, Sequence) else 0
    record.enter(DB)
    began, failed = perf_counter_ns(), True
    try:
        result = execute(sql, params, many, context)
        failed = False
    finally:
        took = perf_counter_ns() - began
        record.leave(DB)
        seen = _note(record, alias, sql, began, took, failed=failed)
        cursor.unhurried_seen = seen or NOBODY
    if rows:
        record.seldom().rows += rows
        if seen is not None:
            seen.rows += rows
    return result


def _note(
    record: Record, alias: str, sql: Any, began: int, took: int, *, failed: bool
) -> Seen | None:
    seen = note(record, alias, sql, began, took)
    if seen is not None:
        seen.failed += failed
        if seen.count >= seen.due:
            hear(record, seen)
    return seen


def _heard_by_all(
    execute: Callable[..., Any],
    sql: Any,
    params: Any,
    many: bool,  # noqa: FBT001 - Django's signature
    context: dict[str, Any],
) -> Any:
    """The same call, with the listeners before and after it; written out, each statement pays."""
    connection = context["connection"]
    statement = Statement(connection.alias, sql, params, many)
    statement.vendor, statement.cursor = connection.vendor, context["cursor"]
    _tell_before(statement)
    began = perf_counter_ns()
    try:
        result = execute(sql, params, many, context)
    except BaseException as error:
        _tell_after(statement, began, error)
        raise
    _tell_after(statement, began, None)
    return result


_TAP: Final = tap.__code__
_OURS: Final = (__name__, hear.__module__)
if compiled is not None:
    compiled.tap_wire(
        tap=tap,
        failed=_failed,
        find=find,
        tell_met=tell_met,
        hear=hear,
        observers=observers,
        guards=guards,
        unheard=unheard,
        nobody=NOBODY,
        most=MOST,
    )
    tap = compiled.tap


def asking(frame: FrameType) -> FrameType:
    """The frame that has the statement's ``params``, above a hook's: the tap's own, or that of
    whoever has called the compiled one.
    """
    at: FrameType | None = frame
    inside = False
    while at is not None and at.f_code is not _TAP:
        ours = at.f_globals["__name__"] in _OURS
        if inside and not ours:
            return at
        inside, at = ours, at.f_back
    return at or frame


def not_heard(sql: str) -> None:
    """No guard needs to hear this text again; who begins to listen to all clears ``unheard``."""
    if len(unheard) < MOST_UNHEARD and len(sql) <= LONGEST_UNHEARD:
        unheard.add(sql)


def _tell_before(statement: Statement) -> None:
    for guard in guards:
        guard.before(statement)
    if observers:
        _observe("before", statement)


def _tell_after(statement: Statement, began: int, error: BaseException | None) -> None:
    statement.took = perf_counter_ns() - began
    if observers:
        _observe("after", statement, error)
    for guard in guards:
        guard.after(statement, error)


@contextmanager
def statement(
    alias: str, sql: Any, tables: Sequence[str] = (), writes: Sequence[str] = ()
) -> Iterator[None]:
    """The same door for roads that bypass cursors (COPY): counted, timed and heard."""
    record = current.get()
    with _heard(Statement(alias, sql, tables=tuple(tables), writes=tuple(writes))):
        if record is None or record.wall:
            yield
            return
        record.enter(DB)
        began, failed = perf_counter_ns(), True
        try:
            yield
            failed = False
        finally:
            took = perf_counter_ns() - began
            record.leave(DB)
            _note(record, alias, sql, began, took, failed=failed)


@contextmanager
def _heard(statement: Statement) -> Iterator[None]:
    _tell_before(statement)
    began = perf_counter_ns()
    try:
        yield
    except BaseException as error:
        _tell_after(statement, began, error)
        raise
    _tell_after(statement, began, None)


def _observe(verb: str, *args: Any) -> None:
    for observer in observers:
        try:
            getattr(observer, verb)(*args)
        except Exception as error:  # boundary: an observer of statements never breaks one
            swallow(f"an observer ({type(observer).__name__})", error)


def _connected(*, connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    """Each connect of a page passes here: a connection that has the tap needs no further look."""
    if tap not in connection.execute_wrappers:
        if getattr(connection, "unhurried_private", False):
            return  # our own: no query and no connect of the page's
        attach(connection)
    record = current.get()
    if record is not None:
        record.connects += 1
        record.connecting += _took(connection)


def _took(connection: BaseDatabaseWrapper) -> int:
    """Nanoseconds since it began to connect: Django says when it may be closed, from then on.

    0 of a connection that is never closed: it is made once in a thread's life.
    """
    age = connection.settings_dict["CONN_MAX_AGE"]
    if age is None or connection.close_at is None:
        return 0
    took = (monotonic() - connection.close_at + age) * 1e9
    return int(took) if 0 < took < YEAR else 0  # no more of an age that is infinite


if compiled is not None:
    compiled.connections_wire(
        tap=tap,
        connected=_connected,
    )
    _connected = compiled.connected


def attach(connection: BaseDatabaseWrapper) -> None:
    """Put the tap at index 0: ``execute_wrapper()`` leaves by pop(), it would take one appended."""
    if tap not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, tap)
        _fetching.attach(connection)
        for attach_too in attached:
            attach_too(connection)


def install() -> None:
    connection_created.connect(_connected, dispatch_uid="unhurried.tap")
    for connection in connections.all(initialized_only=True):
        attach(connection)
