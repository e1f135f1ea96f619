"""The kick: ask for a lane to be drained soon, by whomever ``LATER`` names, and go on.

What there is to do lies elsewhere: in tables, or in entries of a cache. So a lost kick is late, and
a double one has nothing to do. A kick waits for nobody: a broker is spoken to in a thread of its
own, and if it fails, or takes longer than PATIENCE, this process drains the lane itself, in another
thread. After a failure nobody tries for a second, then two, up to a minute (see ``_breaker``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

from django.db import DEFAULT_DB_ALIAS, close_old_connections

from unhurried.measure import counter
from unhurried.measure.reading import say_once, swallow

from . import _brokers
from ._breaker import Breaker
from ._databases import is_meant
from ._ending import is_cut_short
from ._errors import LaterError, is_transient
from ._lanes import drain_of, is_long, run
from ._pending import PATIENCE, PAUSE, Pending
from ._testing import is_test, wanted
from ._thread import Worker

SETTLE: Final = 2.0  # seconds that the end of a test waits for each thread's turn under way


@dataclass(slots=True)
class Figures:
    """What became of the kicks of this process so far; threads may miss each other by one."""

    kicks: int = 0  # asked for
    merged: int = 0  # of these: stood already
    sent: int = 0  # a broker took
    failed: int = 0  # a broker refused, or was not there
    late: int = 0  # a broker had not taken in time
    drained: int = 0  # done in this process
    raised: int = 0  # of these: with an error
    breaker: str = "closed"
    waiting: int = 0


class Kicks:
    """Everything that belongs to one process: a fork gets a new one."""

    def __init__(self) -> None:
        self.pending = Pending()
        self.breaker = Breaker()
        self.figures = Figures()
        self.paused = 0
        self.owners: dict[str, Worker] = {}
        self.drainer = Worker("unhurried-later", self.drain)
        self.sender = Worker("unhurried-kick", self.send)

    def fresh(self) -> Kicks:
        """Others, without work or threads; paused if these are."""
        kicks = Kicks()
        kicks.paused = self.paused
        return kicks

    @property
    def rests(self) -> bool:
        """No thread begins: what is asked for waits for ``drain_now``."""
        return bool(self.paused) or is_test()

    def kick(self, lane: str, label: str) -> bool:
        self.figures.kicks += 1
        if _brokers.chosen() != _brokers.THREAD and not self.rests and self.breaker.allows():
            return self._hand(lane, label)
        return self._here(lane)

    def _here(self, lane: str) -> bool:
        self.figures.merged += not self.pending.here(lane)
        return self.rests or is_cut_short() or self.drainer.wake()

    def _hand(self, lane: str, label: str) -> bool:
        """Both threads are told: one asks the broker, the other watches how long that takes."""
        self.figures.merged += not self.pending.hand(lane, label)
        return self.sender.wake() | self.drainer.wake()

    def drain(self) -> float | None:
        """One turn of the thread that drains; the seconds until the next are the answer."""
        while not self.drainer.stopping.is_set() and not self.rests:
            found = self.pending.next_here()
            if found is None:
                return self.pending.wait()
            lane, overdue = found
            if overdue:
                name = _brokers.chosen()
                self._failed("late", f"{name} has not taken a kick within {PATIENCE:g} s")
            if is_long(lane):
                self.own(lane).wake()
            else:
                self._drain(lane)
        return None

    def own(self, lane: str) -> Worker:
        """The thread of a lane whose work takes long; only the drainer's asks."""
        if lane not in self.owners:
            self.owners[lane] = Worker(f"unhurried-{lane}", partial(self._drain, lane))
        return self.owners[lane]

    def _drain(self, lane: str) -> None:
        if not is_meant(DEFAULT_DB_ALIAS):
            return  # a test asked for it, whose database is gone
        self.figures.drained += 1
        close_old_connections()
        try:
            run(lane)
        except Exception as error:  # boundary: the site's own code runs in there, pages and all
            self.figures.raised += 1
            counter("unhurried.later.raised").increment()
            swallow(f"the background work of {lane!r}", error)
        finally:
            close_old_connections()

    def send(self) -> float | None:
        """One turn of the thread that speaks to the broker."""
        taken, up = self.pending.take(), True
        for lane, label in taken:
            up = up and self._sent(lane, label)
            if not up:
                self._instead(lane)
        if taken:
            close_old_connections()  # a broker may be a database
            self.sender.stopping.wait(PAUSE)
        return None

    def _sent(self, lane: str, label: str) -> bool:
        """False if nobody took it: the broker is down, or it is this process that works."""
        name = _brokers.chosen()
        try:
            took = name != _brokers.THREAD and _brokers.broker(name).send(lane, label)
        except Exception as error:  # boundary: a broker of any make
            self._failed("failed", f"{name} takes no kicks ({type(error).__name__}: {error})")
            if not is_transient(error):
                self._instead(lane)
                swallow(f"LATER={name!r}", error)
            return False
        self.breaker.succeeded()
        if took:
            self.figures.sent += 1
            self.pending.taken(lane)
        return took

    def _instead(self, lane: str) -> None:
        self.pending.here(lane)
        self.drainer.wake()

    def _failed(self, how: str, why: str) -> None:
        setattr(self.figures, how, getattr(self.figures, how) + 1)
        self.breaker.failed()
        counter(f"unhurried.later.{how}").increment()
        say_once("LATER=%s; this process does the background work itself meanwhile.", why)


_kicks = Kicks()


def kick(lane: str, *, label: str = "") -> bool:
    """Ask for the lane to be drained soon, and do not wait for it: a matter of microseconds.

    From within a transaction ask on its commit, or the drain may come too early to see the work.
    The label tells who asked, to people who watch the broker: a name, never a value.

    Returns:
        False if nobody will: there is no such lane, or no thread to be had. Raises nothing, but
        for bugs under STRICT.
    """
    try:
        drain_of(lane)
    except LaterError as error:
        swallow("a kick", error)
        return False
    return _kicks.kick(lane, label)


def drain_now() -> list[str]:
    """Drain here, in this thread, what has been asked for; errors are raised. For tests.

    Returns:
        The lanes drained, each once. What they ask for themselves waits for the next call.
    """
    lanes = _kicks.pending.lanes()
    for _ in lanes:
        lane = _kicks.pending.pop()
        if lane is not None:
            run(lane)
    return lanes


@contextmanager
def paused() -> Iterator[None]:
    """Kicks wait for ``drain_now``: no thread sees a test's transaction, or comes in between."""
    _kicks.paused += 1
    try:
        yield
    finally:
        kicks = _kicks  # others, by now, in a child or once a test is over
        kicks.paused -= 1
        if kicks.pending.lanes() and not kicks.rests:
            kicks.drainer.wake()


def settle() -> None:
    """A test ends: what it has left to threads ends first, what waits is forgotten.

    Otherwise the work meets the database between two tests, where none may be asked, or amid the
    next one's transaction.
    """
    global _kicks
    kicks = _kicks
    if kicks.sender.alive or kicks.drainer.alive or kicks.owners:
        _end(kicks.sender, kicks.drainer)
        _end(*kicks.owners.values())  # only the drainer makes them
        _kicks = kicks.fresh()  # now: what the last turns have asked for is forgotten, too


def _end(*workers: Worker) -> None:
    for worker in workers:
        worker.stop()
        worker.join(SETTLE)


@contextmanager
def background() -> Iterator[None]:
    """In a test: threads do what waits, as outside of tests, and end with the block."""
    with wanted():
        try:
            yield
        finally:
            settle()


def is_paused() -> bool:
    return _kicks.rests


def figures() -> Figures:
    """What became of the kicks of this process, as of now."""
    kicks = _kicks
    return Figures(
        **{
            **asdict(kicks.figures),
            "breaker": kicks.breaker.state,
            "waiting": len(kicks.pending.lanes()),
        }
    )


def _after_fork() -> None:
    """What the parent was asked for it will do; its threads, locks and sockets are not ours."""
    global _kicks
    _kicks = _kicks.fresh()
    _brokers.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
