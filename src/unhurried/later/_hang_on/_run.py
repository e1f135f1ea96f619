"""Working off the works: a few at once where this process serves, one after another in a worker."""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
from functools import partial
from typing import Any, Final

from asgiref.sync import async_to_sync, iscoroutinefunction

from unhurried.measure import counter, measured
from unhurried.measure.reading import swallow

from .._databases import is_meant
from .._elsewhere import come_back
from .._ending import ending
from .._errors import LEAVING
from .._kick import is_paused, kick
from .._lanes import lane, workers
from .._outbox._kinds import HANG_ON_LANE
from .._outbox._tables import let_go, works
from .._thread import Worker, close_all
from . import _works
from ._beat import alive
from ._job import answer, hung, remade
from ._progress import Running, running

POOL: Final = 4  # works at once in one process
BRIEF: Final = 10.0  # seconds that an answer is kept which is none of success
SWEEP: Final = 60.0  # seconds between two looks for what can be forgotten
logger = logging.getLogger("unhurried")


class Pool:
    """The threads of one process; a fork gets new ones."""

    def __init__(self) -> None:
        self.busy: set[int] = set()
        self.workers = [
            Worker(f"unhurried-hang-on-{n}", partial(self._turn, n)) for n in range(POOL)
        ]

    def wake(self, count: int) -> None:
        """So many threads, those first that have nothing to do."""
        order = sorted(range(POOL), key=lambda n: n in self.busy)
        for n in order[:count]:
            self.workers[n].wake()

    def _turn(self, n: int) -> float | None:
        self.busy.add(n)
        try:
            work_off()
        except Exception as error:  # boundary: a database in trouble; the next kick tries again
            swallow("a page under hang_on", error)
        finally:
            self.busy.discard(n)
            close_all()
        return None


_pool = Pool()
_alone = threading.Event()
_swept = 0.0


def be_alone() -> None:
    """This process is a worker: what it was asked for it does itself, to its end."""
    _alone.set()


def drain() -> None:
    """The lane's drain: all that waits, and nobody works on."""
    if _alone.is_set() or is_paused():
        work_off()
    elif _is_meant():
        _pool.wake(_works.idle())


def ask(route: str = "") -> None:
    kick(HANG_ON_LANE, label=route)


def work_off() -> int:
    """Do one after another until none is left, or the process is to end; how many."""
    done = 0
    let_go()
    come_back()
    while not ending.is_set() and _is_meant() and (row := _works.claim()) is not None:
        _do(row)
        done += 1
        let_go()
        come_back()
    if _is_meant():
        _sweep()
    return done


def _is_meant() -> bool:
    """The database of pages is still that of who asked: a test may be over."""
    return is_meant(works().db)


def _sweep() -> None:
    global _swept
    now = time.monotonic()
    if now - _swept > SWEEP or not _swept:
        _swept = now
        _works.sweep()


def _do(row: Any) -> None:
    share = row.done / row.total if row.done and row.total else 0.0
    now, began = Running(row.pk, row.holder, share), time.monotonic()
    try:
        if row.attempts > _works.ATTEMPTS:
            raise DiedError(f"whoever made it died, {row.attempts - 1} times")
        with alive(now), measured(f"hang_on:{row.route}"):
            result, keep = _made(row, now)
    except LEAVING as error:  # boundary: it would take this process with it
        return _failed(row, error)
    except Exception as error:  # boundary: the site's own code runs in there
        return _failed(row, error)
    took = time.monotonic() - began
    if not _works.finish(row.pk, row.holder, result, took, keep):
        counter("unhurried.later.taken_over").increment()
    return None


def _made(row: Any, now: Running) -> tuple[_works.Result, float]:
    """(what the view answers, how long it is kept)."""
    told = json.loads(row.asked)
    with remade(told) as request:
        match, found = hung(told["path"])
        request.resolver_match = match
        view: Any = found.undecorated(match)
        view = async_to_sync(view) if iscoroutinefunction(view) else view
        token = running.set(now)
        try:
            result = answer(partial(view, request, *match.args, **match.kwargs), request)
        finally:
            running.reset(token)
    keep = found.options.keep
    return result, keep if result.status < 400 else min(keep, BRIEF)


def _failed(row: Any, error: BaseException) -> None:
    """What it was is in the log, under the number that readers are told."""
    incident = secrets.token_hex(4)
    logger.error("hang_on:%s failed, incident %s", row.route, incident, exc_info=error)
    counter("unhurried.later.failed_pages").increment()
    _works.fail(row.pk, row.holder, incident, row.failures)


class DiedError(Exception):
    """Workers die over it."""


def install() -> None:
    """The lane is known wherever the app is."""
    lane(HANG_ON_LANE, long=True)(drain)
    if be_alone not in workers:
        workers.append(be_alone)


def _after_fork() -> None:
    global _pool
    _pool = Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
