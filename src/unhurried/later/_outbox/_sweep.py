"""Finding what is due and nobody works on: kicks get lost, workers die, retries come due.

Each process that serves requests, is a worker, or has left something to be tried again, looks every
few seconds, and asks as a kick does.
"""

from __future__ import annotations

import os
import random
from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.db import DatabaseError
from django.db.models.functions import Now

from unhurried.conf import settings
from unhurried.measure.reading import say_once, swallow

from .._errors import is_transient
from .._kick import is_paused, kick
from .._lanes import workers
from .._thread import Worker, close_all
from ._kinds import HANG_ON_LANE, OPEN, TASK, TASKS_LANE, WRITES, WRITES_LANE
from ._lease import FREE
from ._tables import aliases, let_go, waiting, works


class Sweeper:
    """The thread of one process; a fork gets a new one."""

    def __init__(self) -> None:
        self.worker = Worker("unhurried-sweep", self.turn)
        self._watches = self._has_begun = False

    def watch(self) -> None:
        if not self._watches and settings.SWEEP is not None and not is_paused():
            self._watches = self.worker.wake()

    def turn(self) -> float | None:
        every = settings.SWEEP
        if every is None or is_paused():
            self._watches = False
            return None
        if self._has_begun:
            try:
                look()
            except Exception as error:  # boundary: the next look is in a few seconds
                swallow("what waits", error)
            finally:
                close_all()  # it rests for seconds: whatever CONN_MAX_AGE, a database may go
        self._has_begun = True
        return every * random.uniform(0.5, 1.5)


_sweeper = Sweeper()


def watch() -> None:
    """Look every few seconds from now on, as long as this process lives."""
    _sweeper.watch()


def look() -> None:
    """Kick for whatever is due and nobody's, in each database."""
    let_go()
    for alias in aliases():
        try:
            for lane in due(alias):
                kick(lane)
        except DatabaseError as error:
            if is_transient(error):
                say_once("unhurried can't see what waits in %r (%s); it looks again.", alias, error)
            else:
                swallow(f"what waits in {alias!r}", error)
    let_go()


def due(alias: str) -> list[str]:
    """The kick's lanes that have something to do there: two queries, or three."""
    found = waiting(alias).filter(FREE, due__lte=Now())
    tasks, writes = found.filter(kind=TASK), found.filter(kind__in=WRITES)
    lanes = [(TASKS_LANE, tasks), (WRITES_LANE, writes)]
    pages = works().filter(FREE, state__in=OPEN)
    if pages.db == alias:
        lanes.append((HANG_ON_LANE, pages))
    return [lane for lane, rows in lanes if rows.exists()]


def _served(sender: Any, **kwargs: Any) -> None:
    """A request of a real server: the handlers of test clients are others."""
    if isinstance(sender, type) and issubclass(sender, WSGIHandler | ASGIHandler):
        watch()


def install() -> None:
    """When the app is there."""
    request_started.connect(_served, dispatch_uid="unhurried.later.sweep")
    if watch not in workers:
        workers.append(watch)


def _after_fork() -> None:
    global _sweeper
    _sweeper = Sweeper()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
