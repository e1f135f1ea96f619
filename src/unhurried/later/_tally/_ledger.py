"""What one process has to tell one database: it waits here, and a thread of its own flushes it.

What waits is in two parts: the *next* batch, which grows, and the last one that was begun, which
is tried until it is applied, always the same. Everything here is lost if the process is killed,
and nothing else is.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any, Final, NamedTuple

from django.db import Error, connections
from django.db import close_old_connections as let_go_of_old

from unhurried.measure import counter, gauge, measured
from unhurried.measure.reading import not_at_end, say_once, swallow

from .. import _kick
from .._databases import database
from .._testing import is_test
from .._thread import Worker, close_all
from . import _transactions, _watermark
from ._counts import Batch, Counts
from ._flush import flush
from ._target import Target

FIRST, LONGEST = 0.2, 15.0  # seconds between two attempts, doubled each time
AT_EXIT: Final = 5.0  # seconds that the end of a process waits for a database that fails
SWEEP: Final = 3600.0  # seconds
POLL: Final = 0.5  # seconds, while paused
COUNTED: Final = 1 << 53  # a counter takes no more at a time


class Look(NamedTuple):
    """What waits for one row: ``sequence``, ``applied`` and ``begun`` are of the batch begun."""

    sequence: int
    applied: bool
    begun: int
    waiting: int


class Ledger:
    """``add`` and ``flush`` may be called by any thread."""

    def __init__(self, alias: str, process: str) -> None:
        self.alias, self.process = alias, process
        self.database = database(alias)
        self.worker = Flusher(self)
        # For the four below it. Never held while a database is asked; reentrant, because a signal's
        # handler may add as well.
        self._lock = threading.RLock()
        self._next = Batch(1, {})
        self._begun = Batch(0, {}, applied=True)
        self._due = inf
        self._flushing = threading.RLock()
        self._not_before, self._failures = 0.0, 0
        self._swept = -inf
        self._ending, self._ended = threading.Event(), threading.Event()

    def add(self, target: Target, pk: Any, n: int, every: float, most: int) -> None:
        """Microseconds, whatever becomes of the database."""
        with self._lock:
            waiting = self._next.counts
            counts = waiting.get(target.label)
            if counts is None:
                counts = waiting[target.label] = Counts(target)
            counts.add(pk, n)
            due = -inf if counts.hits >= most else time.monotonic() + every
            if due >= self._due:
                return
            self._due = due
        if _transactions.is_test(self.alias) or is_test():
            self._due = inf  # whoever tests flushes
        elif not self.worker.wake():
            self._due = inf  # no thread to be had: let the next one try
            if self._ending.is_set():
                self.last()

    def look(self, label: str, pk: Any) -> Look:
        """What waits for a row, in both parts, as of one moment."""
        with self._lock:
            begun = self._begun
            now = begun.pending(label, pk), self._next.pending(label, pk)
            return Look(begun.sequence, begun.applied, *now)

    def hits(self, label: str | None = None) -> int:
        """What is lost if the process is killed now."""
        with self._lock:
            begun = 0 if self._begun.applied else self._begun.hits(label)
            return begun + self._next.hits(label)

    def turn(self) -> float | None:
        """One turn of the thread: flush what is due; the seconds until the next are the answer."""
        if self._ending.is_set():
            self._end()
            return None
        with self._flushing:  # who flushes just now may leave nothing that is due
            wait = self._wait()
            if wait is None or wait > 0:
                return wait
            if _kick.is_paused():
                close_all()
                return POLL
            with measured("later:tally"):
                self._try()
        gauge("unhurried.tally.pending").set(self.hits())
        return self._wait()

    def _wait(self) -> float | None:
        with self._lock:
            due = self._due if self._begun.applied else -inf
        moment = max(due, self._not_before)
        return None if moment == inf else max(moment - time.monotonic(), 0.0)

    def _try(self) -> None:
        """Whatever fails, all that waits is kept, and tried again ever more rarely."""
        let_go_of_old()
        try:
            self.flush()
            self._sweep()
        except Error as error:
            self._failed(error)
        except Exception as error:  # boundary: of a driver, a router, a model; the counting goes on
            self._failed(error)
            swallow(f"a flush of the tallies of {self.alias!r}", error)
        let_go_of_old()

    def _failed(self, error: Exception) -> None:
        pause = min(FIRST * 2**self._failures, LONGEST) * random.uniform(0.5, 1.0)
        self._failures = min(self._failures + 1, 16)
        self._not_before = time.monotonic() + pause
        counter("unhurried.tally.failed").increment()
        if self._failures == 1:  # of an outage the first: texts differ, and each would be said
            say_once(
                "Tallies wait for the database %r, which fails (%s: %s). Where a table is missing: "
                "manage.py migrate --database %s.",
                *(self.alias, type(error).__name__, error, self.alias),
            )
        connections[self.alias].close()

    def _sweep(self) -> None:
        if self._begun.sequence and time.monotonic() - self._swept > SWEEP:
            self._swept = time.monotonic()
            _watermark.sweep(self.alias)

    def flush(self) -> None:
        """Apply all that was added until now, in this thread. Raises what the database raises.

        What then may have happened, or not, is tried again as it is, before anything new.
        """
        with self._flushing:
            if self._is_of_another_database():
                return
            self._settle()
            self._begin()
            self._settle()

    def flush_here(self) -> None:
        """``flush`` for a thread that is not ours; what fails is left to ours."""
        try:
            self.flush()
        except Error:
            connections[self.alias].close_if_unusable_or_obsolete()
            self.worker.wake()
            raise

    def _begin(self) -> None:
        with self._lock:
            if self._next.counts:
                self._begun = self._next
                self._next = Batch(self._begun.sequence + 1, {})
            self._due = inf

    def _settle(self) -> None:
        batch = self._begun
        if batch.applied:
            return
        outcome = flush(batch, self.alias, self.process)
        with self._lock:
            batch.applied = True
        self._not_before, self._failures = 0.0, 0
        counter("unhurried.tally.flushed").increment(min(batch.hits(), COUNTED))
        if outcome.orphaned:
            counter("unhurried.tally.orphaned").increment(outcome.orphaned)
        if outcome.dead:
            counter("unhurried.tally.dead").increment(outcome.dead)

    def _is_of_another_database(self) -> bool:
        """A test database is gone, and its hits are not for the real one."""
        if self.database == database(self.alias):
            return False
        self.database = database(self.alias)
        self.forget()
        return True

    def forget(self) -> None:
        with self._lock:
            self._next, self._due = Batch(self._next.sequence, {}), inf
            self._begun = Batch(0, {}, applied=True)

    def last(self) -> None:
        """The process ends: all is flushed, in AT_EXIT at most.

        By our thread, or if there is none to be had over another connection than this one's, which
        it may share with its parent.
        """
        if self._is_of_another_database() or not (self.hits() or self._begun.sequence):
            return
        self._ending.set()
        if self.worker.wake():
            self._ended.wait(AT_EXIT)
        elif self.hits():
            with _other_connection(self.alias):
                self._end()
        if lost := self.hits():
            say_once("The process ends: %d hits for the database %r are lost.", lost, self.alias)

    def resume(self) -> None:
        """The process has not ended after all."""
        self._ending.clear()
        self._ended.clear()
        self.worker.stopping.clear()
        if self.hits():
            self.worker.wake()

    def _end(self) -> None:
        """With some patience for a database that fails; who has flushed takes the mark away."""
        until = time.monotonic() + AT_EXIT
        while self.hits() and time.monotonic() < until:
            try:
                self.flush()
            except Exception as error:  # boundary: nobody is left to tell but the log
                self._failed(error)
                time.sleep(max(min(self._not_before, until) - time.monotonic(), 0.0))
        if not self.hits():
            self._leave()
        self._ended.set()

    def _leave(self) -> None:
        self._begun.sequence = 0
        try:
            _watermark.remove(self.alias, self.process)
        except (Error, OSError):
            connections[self.alias].close()  # the mark will be swept


class Flusher(Worker):
    """At the end of the process it is stopped when all is flushed."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(f"unhurried-tally-{ledger.alias}", ledger.turn)
        self._last = ledger.last

    def stop(self) -> None:
        self._last()
        super().stop()

    def disown(self) -> None:
        """In a child: what the parent has waiting must not be flushed at the child's end as well.

        Its locks may be held for ever, so none is taken.
        """
        not_at_end(self._end)


@contextmanager
def _other_connection(alias: str) -> Iterator[None]:
    """A new one for this thread, closed in the end."""
    had, new = connections[alias], connections.create_connection(alias)
    connections[alias] = new
    try:
        yield
    finally:
        connections[alias] = had
        new.close()
        if new.connection is not None:  # of a database in memory, which Django leaves open
            new.connection.close()
