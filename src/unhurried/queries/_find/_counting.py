"""``with count_queries() as queries:`` what was asked, how often, from where, what to change."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from threading import Lock, RLock
from types import FrameType
from typing import Any, Final

from django.core.signals import request_started
from django.db.backends.signals import connection_created

from unhurried.measure import reading as measure

from .._sql._fingerprint import fingerprint
from . import _judge
from ._classes import declared
from ._finding import Finding
from ._frames import DEPTH, Walk, walk
from ._groups import Group, Read
from ._judge import CountedStatement
from ._origin import Roots, _tracking, tracking
from ._plain import digest

DISTINCT: Final = 10_000  # (statement, parameters) told apart in one block
GROUPS: Final = 2_000  # ways to a statement told apart; the rest is counted, no more
TEXTS: Final = 200  # of them from one line: one that asks ever anew leaves room for others
OTHER: Final = "(other)"


class Queries:
    """What a block has asked so far; readable inside it and after it."""

    def __init__(self, stop: FrameType | None = None) -> None:
        self.total = 0
        self.control = 0
        self.connects = 0
        self.seconds = 0.0
        self._floors: dict[str, list[int]] = {}
        self._groups: dict[tuple[Any, ...], Group] = {}
        self._texts: Counter[tuple[Any, ...]] = Counter()
        self._repeated: Counter[tuple[Any, ...]] = Counter()
        self._duplicates: dict[tuple[Any, ...], Group] = {}
        self._roots = Roots()
        self._writes = self.duplicates = 0
        self._stop = stop
        self._lock = RLock()  # what is counted may ask again: a __hash__, a __del__

    @property
    def statements(self) -> list[CountedStatement]:
        """By fingerprint and alias, slowest first."""
        return _judge.statements(self._groups.values())

    @property
    def findings(self) -> list[Finding]:
        """What to change, most queries first."""
        with self._lock:
            return _judge.findings(
                list(self._groups.values()), self._repeated, self._duplicates, self._roots
            )

    @property
    def floor(self) -> float:
        """Seconds of the total on the wire: per alias, the shortest seen x their number."""
        return sum(least * count for least, count in self._floors.values()) / 1e9

    def __repr__(self) -> str:
        return f"<{self.total} queries in {self.seconds * 1000:.1f} ms>"

    def _note(self, statement: Any, frame: FrameType) -> Group | None:
        if measure.is_control(statement.sql):
            self.control += 1
            return None
        found = walk(frame, DEPTH, self._stop)
        read = Read(found)
        if not found.places and read.relation is not None:
            read.declared = declared(frame, self._stop)
        with self._lock:
            return self._count(statement, found, read)

    def _count(self, statement: Any, found: Walk, read: Read) -> Group:
        self.total += 1
        self.seconds += statement.took / 1e9
        floor = self._floors.setdefault(statement.alias, [statement.took, 0])
        floor[:] = min(floor[0], statement.took), floor[1] + 1
        sql = str(statement.sql)
        text = fingerprint(sql, statement.vendor)
        group = self._group(statement, sql, text, found, read)
        group.add(read, sql, statement, found.inside)
        self._see_duplicate(statement, sql, group)
        return group

    def _group(self, statement: Any, sql: str, text: str, found: Walk, read: Read) -> Group:
        unit = self._unit()
        key: tuple[Any, ...] = (statement.alias, text, found.key, id(read.origin), unit)
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= GROUPS or self._is_full(found.key, unit):
                key, text, found, read = (statement.alias, OTHER), OTHER, Walk(), Read(Walk())
            new = Group(statement.alias, sql, text, found, read, unit)
            group = self._groups.setdefault(key, new)
        return group

    def _is_full(self, line: Any, unit: object) -> bool:
        self._texts[line, unit] += 1
        return self._texts[line, unit] > TEXTS

    def _unit(self) -> object:
        """Two requests in one block may each ask the same."""
        record = measure.current.get()
        return (record.start if record is not None else 0), self._roots.unit

    def _see_duplicate(self, statement: Any, sql: str, group: Group) -> None:
        if not group.reads:
            self._writes += 1
            return
        if group.prefetch:
            return
        asked = hash(sql), digest(statement.params)  # the texts themselves may be long
        key = (statement.alias, *asked, self._writes, self._unit())
        if len(self._repeated) >= DISTINCT and key not in self._repeated:
            return
        self._repeated[key] += 1
        if self._repeated[key] > 1:
            self.duplicates += 1
            self._duplicates.setdefault(key, group)


_counting: ContextVar[tuple[Queries, ...]] = ContextVar("unhurried_counting", default=())
_everywhere: list[Queries] = []  # count in all threads and contexts: a test, in its process
_users = 0
_lock = Lock()


class _Observer:
    """Hears every statement while somebody counts, and tells those who count here."""

    def before(self, statement: Any) -> None:
        pass

    def after(self, statement: Any, error: BaseException | None) -> None:
        groups = [queries._note(statement, sys._getframe(1)) for queries in _here()]
        if groups and statement.cursor is not None:
            statement.cursor.unhurried_groups = groups


def _fetched(cursor: Any, took: int) -> None:
    """Rows that came after the statement did: on SQLite, and from server-side cursors."""
    for group in getattr(cursor, "unhurried_groups", ()):
        if group is not None:
            group.fetch += took


def _here() -> tuple[Queries, ...]:
    return (*_counting.get(), *_everywhere)


_observer: Final = _Observer()


@contextmanager
def count_queries(*, track: bool = True) -> Iterator[Queries]:
    """Count the queries of a block, of its async tasks and its ``sync_to_async`` threads::

        with count_queries() as queries:
            client.get("/feed/")
        assert queries.total == 5, queries.findings

    ``track`` also follows each instance back to the line that made its queryset. What both cost is
    printed by ``benchmarks/queries.py``: it is for tests and commands, not for traffic. Threads
    started by hand are not seen: they have no context.
    """
    queries = Queries(sys._getframe(2))
    with counting(queries, track=track):
        yield queries


@contextmanager
def counting(queries: Queries, *, track: bool = True, everywhere: bool = False) -> Iterator[None]:
    """Let ``queries`` count what is asked inside; it may be left and entered again."""
    with ExitStack() as stack:
        stack.enter_context(_listening())
        if track:
            stack.enter_context(_tracked(queries))
        if everywhere:
            _everywhere.append(queries)
            stack.callback(_everywhere.remove, queries)
        else:
            token = _counting.set((*_counting.get(), queries))
            stack.callback(_counting.reset, token)
        stack.callback(_forget_frame, queries)
        yield


@contextmanager
def _tracked(queries: Queries) -> Iterator[None]:
    """With the origins of the block around it, else with its own, also the second time."""
    token = _tracking.set(queries._roots) if _tracking.get() is None else None
    try:
        with tracking() as queries._roots:
            yield
    finally:
        if token is not None:
            _tracking.reset(token)


def _forget_frame(queries: Queries) -> None:
    queries._stop = None


def groups(queries: Queries) -> list[Group]:
    """What was counted, by statement and way to it."""
    with queries._lock:
        return list(queries._groups.values())


@contextmanager
def _listening() -> Iterator[None]:
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            measure.install_tap()  # also with ``"MEASURE": False``, and where we are no app
            measure.observers.append(_observer)
            measure.fetched.append(_fetched)
            for signal, receiver in _SIGNALS:
                signal.connect(receiver, dispatch_uid="unhurried.counting")
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                measure.observers.remove(_observer)
                measure.fetched.remove(_fetched)
                for signal, _ in _SIGNALS:
                    signal.disconnect(dispatch_uid="unhurried.counting")


def _connected(**kwargs: object) -> None:
    for queries in _here():
        queries.connects += 1


def _requested(**kwargs: object) -> None:
    for queries in _here():
        queries._roots.unit += 1


_SIGNALS: Final = ((connection_created, _connected), (request_started, _requested))
