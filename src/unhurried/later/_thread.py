"""A daemon thread that begins with the first work, and ends when there has been none for long."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextvars import Context
from typing import Final
from weakref import WeakSet

from django.db import connections

from unhurried.measure.reading import THREADS, at_end, not_at_end

from ._databases import Databases, mean, meant
from ._ending import ending

IDLE: Final = 60.0  # seconds: then it ends, and lets go of its database connections
AT_EXIT: Final = 0.5  # seconds that the end of a process waits for the turn under way


#: Those whose end a child of this process must not wait for.
_begun: Final[WeakSet[Worker]] = WeakSet()


class Worker:
    """Calls ``turn()`` whenever it is woken, or after as many seconds as the last turn said."""

    def __init__(self, name: str, turn: Callable[[], float | None]) -> None:
        self.name = name
        self.stopping = threading.Event()
        self._turn = turn
        self._changed = threading.Condition(threading.RLock())  # a signal's handler may wake it
        self._woken = False
        self._databases: Databases = {}
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        return self._thread is not None

    def wake(self) -> bool:
        """Let there be a turn soon; False if there is no thread to be had. Waits for nothing.

        It is for the databases that are meant here and now: see ``is_meant``.
        """
        databases = meant()
        with self._changed:
            self._databases = databases
            self._woken = True
            if self._thread is not None:
                self._changed.notify()
                return True
            return not self.stopping.is_set() and self._start()

    def _start(self) -> bool:
        """In an empty context: no request is under way in there."""
        run = Context().run
        thread = threading.Thread(target=run, args=(self._run,), name=self.name, daemon=True)
        self._thread = thread
        try:
            thread.start()
        except RuntimeError:  # too many threads, or the interpreter is ending
            self._thread = None
            return False
        at_end(THREADS, self._end, self._resume)
        _begun.add(self)
        return True

    def _end(self) -> None:
        """The process ends: what has begun is finished, if it is quick, and nothing more begun."""
        ending.set()
        self.stop()

    def _resume(self) -> None:
        """It goes on after all: the next to wake it begins anew."""
        ending.clear()
        self.stopping.clear()
        at_end(THREADS, self._end, self._resume)

    def disown(self) -> None:
        """In a child: its end is not this worker's. Its lock may be held for ever: not taken."""
        not_at_end(self._end)

    def stop(self) -> None:
        """End after the turn under way; nobody waits longer than AT_EXIT."""
        not_at_end(self._end)
        self.stopping.set()
        with self._changed:
            self._changed.notify()
        self.join(AT_EXIT)

    def join(self, seconds: float) -> None:
        """Wait for its thread's end, which somebody has to have asked for."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)

    def _run(self) -> None:
        try:
            while self._goes_on(self._turn_where_meant()):
                pass
        finally:
            close_all()
            with self._changed:
                if self._thread is threading.current_thread():
                    self._thread = None

    def _turn_where_meant(self) -> float | None:
        if not mean(self._databases):
            close_all()
        return self._turn()

    def _goes_on(self, seconds: float | None) -> bool:
        """Wait for the next turn; False once idle for long, or after the last turn."""
        with self._changed:
            if self.stopping.is_set():
                return False
            if not self._woken:
                self._changed.wait(IDLE if seconds is None else seconds)
            if seconds is None and not self._woken and not self.stopping.is_set():
                self._thread = None  # under the lock: who wakes us from here on starts another
                return False
            self._woken = False
            return True


def close_all() -> None:
    """Close this thread's connections; those to databases in memory, which Django leaves, too."""
    connections.close_all()
    for each in connections.all(initialized_only=True):
        if each.connection is not None:
            each.connection.close()
            each.connection = None


def _after_fork() -> None:
    for each in list(_begun):
        each.disown()
    _begun.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
