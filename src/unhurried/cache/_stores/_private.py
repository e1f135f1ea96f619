"""Connections to a database that are the cache's own, and that no listener hears.

They are kept as long as Django keeps its own: by CONN_MAX_AGE, and without it for a request.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final
from weakref import WeakSet

from django.core.signals import request_finished, request_started
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from .._servers._forks import leaves_after_fork

BUSY: Final = 0.2  # seconds; SQLite would wait five for a writer that may be this very page
_requests = 0  # under way, about: those that began before there was such a connection are not in it


class Connections:
    """Lent to one at a time; autocommit."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._idle: deque[tuple[BaseDatabaseWrapper, float]] = deque()
        self._pid = os.getpid()
        self.vendor = connections[alias].vendor
        leaves_after_fork(self)
        _all.add(self)
        request_started.connect(_started, dispatch_uid="unhurried.cache.private")
        request_finished.connect(_finished, dispatch_uid="unhurried.cache.private")

    @contextmanager
    def lent(self) -> Iterator[BaseDatabaseWrapper]:
        """A connection; whatever goes wrong, it is not used again."""
        connection = self._take()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if self._age() == 0 and _requests <= 0:
            connection.close()
        else:
            self._idle.append((connection, monotonic()))

    def _take(self) -> BaseDatabaseWrapper:
        if self._pid != os.getpid():
            self.after_fork()
        while self._idle:
            try:
                connection, since = self._idle.pop()
            except IndexError:  # another thread took it
                break
            age = self._age()
            if age is None or monotonic() - since <= max(age, 1):
                return connection
            connection.close()
        return self._open()

    def _open(self) -> BaseDatabaseWrapper:
        mine = connections[self._alias].copy()
        mine.inc_thread_sharing()  # one at a time, but not always the same
        mine.unhurried_private = True  # type: ignore[attr-defined]
        mine.settings_dict["ATOMIC_REQUESTS"], mine.settings_dict["AUTOCOMMIT"] = False, True
        if mine.vendor == "sqlite":
            mine.settings_dict.setdefault("OPTIONS", {})["timeout"] = BUSY
        mine.ensure_connection()
        if mine.vendor == "sqlite":  # again: the site's init_command may have said another
            with mine.wrap_database_errors:
                mine.connection.execute(f"PRAGMA busy_timeout = {int(BUSY * 1000)}")
        mine.execute_wrappers.clear()  # those that listen to all connections stand there by now
        return mine

    def _age(self) -> Any:
        return connections[self._alias].settings_dict.get("CONN_MAX_AGE", 0)

    def finish(self) -> None:
        """The request is over: close what Django would close."""
        if self._idle and self._age() == 0:
            self.empty()

    def empty(self) -> None:
        """Close what is idle."""
        while self._idle:
            try:
                self._idle.pop()[0].close()
            except IndexError:
                return

    def after_fork(self) -> None:
        """The parent's are left open: to close one says goodbye on the parent's wire."""
        self._pid = os.getpid()
        _left.extend(self._idle)
        self._idle.clear()


_all: WeakSet[Connections] = WeakSet()
_left: list[Any] = []  # of a parent: kept, for to be freed is to be closed


def _started(**kwargs: object) -> None:
    global _requests
    _requests += 1


def _finished(**kwargs: object) -> None:
    global _requests
    _requests = max(0, _requests - 1)
    for each in list(_all):
        each.finish()
