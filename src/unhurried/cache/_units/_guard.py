"""The guard: it hears each statement before the database does, and when it has come back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from unhurried.conf import settings
from unhurried.later.reading import moved
from unhurried.measure.reading import Statement

from .._sql import Tables, folded, tables_of
from .._sql._scanner import OURS
from . import _catalogues, _ends, _listening
from ._ties import Ties, in_transaction, keeps_snapshot, make_dirty, ties_of, watch
from ._touching import Touched, touched
from ._unit import Unit, loose, unit_now

#: After these a connection may have other tables before it, which concerns what waits as well.
_MOVES: Final = frozenset(
    {"SET ROLE", "SET search_path", "SET SESSION AUTHORIZATION", "SET SCHEMA", "set_config()"}
)


class Guard:
    """Of the tokens: one object for all connections, in ``measure``'s list of guards."""

    def before(self, statement: Statement) -> None:
        connection = connection_of(statement)
        if connection is None:
            return
        found, ties = understood(statement), ties_of(connection)
        if found.unstorable in _MOVES:
            moved(connection)
        if found.control:
            _control(connection, ties, found)
            return
        ties.unstorable = ties.unstorable or found.unstorable  # what it reads itself, too
        touches = touched(connection, ties, found)
        if touches.read:
            _read(connection, ties, touches, found.timed)
            if connection.vendor == "sqlite" and statement.cursor is not None:
                watch(ties, statement.cursor)
        if touches.written:
            _write(connection, ties, touches, found.writes)
        if found.ends_commit and ties.dirty:
            _ends.touch(connection, ties)
        ties.used = True
        if not (touches.written or found.unstorable or found.ddl):
            _listening.pass_over(statement.sql)

    def after(self, statement: Statement, error: BaseException | None) -> None:
        connection = connection_of(statement)
        if connection is None:
            return
        ties, found = ties_of(connection), understood(statement)
        if found.ddl:
            ties.ddl = True
            _catalogues.forget(connection.alias)
        if ties.dirty and not in_transaction(connection):
            _ends.renew(connection, ties)
        if found.control == "set_isolation":
            ties.asked = None


def connection_of(statement: Statement) -> BaseDatabaseWrapper | None:
    """None for those of our own, which are not the site's business."""
    cursor, alias = statement.cursor, statement.alias
    if cursor is None and alias not in connections:
        return None
    connection = connections[alias] if cursor is None else cursor.db
    return None if getattr(connection, "unhurried_private", False) else connection


def understood(statement: Statement) -> Tables:
    vendor = statement.vendor or connections[statement.alias].vendor
    if statement.tables or statement.writes:  # a road that bypasses cursors, and says it itself
        return Tables(_folded(statement.tables, vendor), _folded(statement.writes, vendor))
    return tables_of(statement.sql, vendor)


def _folded(names: Iterable[str], vendor: str) -> frozenset[str]:
    return frozenset(folded(name, vendor) for name in names)


def _read(connection: BaseDatabaseWrapper, ties: Ties, touches: Touched, timed: str) -> None:
    unit = unit_now()
    if unit is None:
        loose.set(True)
        return
    if not unit.recording:
        unit.unrecorded = True
        return
    if not touches.read.isdisjoint(ties.dirty):
        unit.refuse("it read what its own transaction has changed", once=True)
    if reason := _refusal(connection, ties, touches, unit):
        unit.refuse(reason)
    if unit.unstorable:
        return
    unit.timed = unit.timed or timed
    unit.see(ties.database, touches.read, snapshot=keeps_snapshot(connection, ties))


def _refusal(connection: BaseDatabaseWrapper, ties: Ties, touches: Touched, unit: Unit) -> str:
    """Why what this statement reads can't be kept, or nothing."""
    alias = ties.database
    if connection.alias in settings.EVENTUAL:
        return f"{connection.alias} is a replica (EVENTUAL)"
    if ties.unstorable and not settings.TENANT:
        return ties.unstorable
    if touches.blind and not _ends.has_epoch(connection, ties):
        return "a statement whose tables can't be told"
    if not keeps_snapshot(connection, ties) or alias in unit.epochs:
        return ""
    if not _ends.has_epoch(connection, ties):
        return f"{ties.isolation} keeps a snapshot, and EPOCH is off"
    if ties.used and in_transaction(connection):
        return "its transaction began before it, and may see older data"
    if connection.vendor == "sqlite" and len(ties.cursors):
        return "a cursor opened before it may keep an older snapshot"
    return ""


def _write(
    connection: BaseDatabaseWrapper, ties: Ties, touches: Touched, names: Iterable[str]
) -> None:
    unit = unit_now()
    if unit is not None:
        unit.wrote = True
        for name in names:
            if not name.startswith(OURS):
                unit.writes, unit.written = unit.writes + 1, name
    make_dirty(ties, touches.written)
    if not in_transaction(connection):
        _ends.touch(connection, ties)


def _control(connection: BaseDatabaseWrapper, ties: Ties, found: Tables) -> None:
    if found.control in ("begin", "commit", "rollback"):
        ties.begun = found.control == "begin"
        ties.used = False
    if ties.dirty and found.ends_commit:
        _ends.touch(connection, ties)
    ties.unstorable = ties.unstorable or found.unstorable
