"""Working off what waits: what a kick leads to, and ``manage.py unhurried drain``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.apps import apps
from django.db import Error, connections
from django.db.models import Max
from django.db.models.functions import Now

from unhurried.measure.reading import say_once

from ._brokers import THREAD, chosen
from ._elsewhere import anywhere, come_back, elsewhere
from ._ending import ending
from ._errors import LaterError, is_transient
from ._hang_on import _run
from ._kick import kick, paused
from ._lanes import lane
from ._outbox import _sweep
from ._outbox._kinds import TASK, TASKS_LANE, WRITES, WRITES_LANE
from ._outbox._tables import LINE, aliases, dead, installed, let_go, waiting
from ._outbox._tables import chosen as tasks_are_in
from ._report import now_and_then
from ._task._running import drain_tasks
from ._writing._drain import drain_lane
from ._writing._lane import lane_of

SHARE: Final = 30.0  # seconds after which no further task is begun
PAUSE: Final = 0.1  # seconds between two looks at what another is working on
IDLE: Final = 0.5  # seconds between two looks when there is nothing to do


def drain_writes() -> None:
    """Apply all deferred writes that are due, in each database."""
    for alias in _here():
        with _passing(alias):
            _writes(alias)


def drain_all_tasks() -> None:
    """Run the tasks that are due, in each database; a worker has other work besides."""
    until = time.monotonic() + SHARE
    for alias in _here():
        with _passing(alias):
            drain_tasks(alias, until=until)
    if time.monotonic() > until:
        kick(TASKS_LANE)


def _here() -> list[str]:
    """The databases, as a new connection has them; amid a transaction it may be none."""
    come_back()
    return [alias for alias in aliases() if not elsewhere(alias)]


def install() -> None:
    """Both lanes are known wherever the app is: a worker needs nothing else."""
    lane(WRITES_LANE)(drain_writes)
    lane(TASKS_LANE, long=True)(drain_all_tasks)


@dataclass(slots=True)
class Done:
    """What a drain has done: ``writes`` counts what was deferred, not the rows of the site's."""

    tasks: int = 0
    writes: int = 0
    pages: int = 0
    dead: int = 0


def drain(*, once: bool = False, only: str | None = None) -> Done:
    """Work here, in this thread, until the process is to end; or ``once``, until all is done.

    That is: nothing that was due at the start waits, or is being worked on by another. What failed
    meanwhile, and is to be tried again later, is done in that sense.

    Args:
        only: one lane: a task's, or a model's label for what is written to it and its kin.

    Raises:
        LaterError: the tables are missing, or there is no such model; or this connection is in
            another schema or role than a new one.
    """
    if where := anywhere():
        raise LaterError(
            f"What waits is done as a new connection does it, and this one is within {where}.",
            "Drain outside of that: nothing waits for it.",
        )
    if not aliases():
        if installed():
            connections[tasks_are_in()].ensure_connection()  # or it is away: that is what is wrong
        raise LaterError("There is no table for what is to be done later.", f"{LINE}, and migrate.")
    only = _lane_named(only) if only and "." in only else only
    done, before = Done(), _dead()
    moments = {alias: _latest(alias, only) for alias in aliases()} if once else {}
    with paused() if chosen() == THREAD else nullcontext():  # this is the thread
        while not ending.is_set():
            let_go()
            come_back()
            for alias in aliases():
                with _passing(alias):
                    _turn(alias, only, done, moments.get(alias))
            if only is None:
                with _passing("what waits to be shown"):
                    done.pages += _run.work_off()
            if once and not any(_left(alias, only, moments[alias]) for alias in moments):
                break
            ending.wait(PAUSE if once else IDLE)
    done.dead = _dead() - before
    return done


def _lane_named(label: str) -> str:
    """Where what is written to a model waits: with its parents' and its proxies'."""
    try:
        return lane_of(apps.get_model(label))
    except (LookupError, ValueError) as error:
        if any(waiting(alias).filter(lane=label).exists() for alias in aliases()):
            return label  # of a model that is gone: it is laid aside with the reason
        raise LaterError(
            f"There is no lane {label!r}: no model is called so.",
            "Name a task's lane, which has no dot, or a model as inbox.Message.",
        ) from error


def _turn(alias: str, only: str | None, done: Done, moment: datetime | None) -> None:
    if only is None:
        done.writes += _writes(alias, moment)
    elif "." in only and (writes := drain_lane(alias, only)):
        done.writes += writes
        now_and_then()
    if only is None or "." not in only:
        done.tasks += drain_tasks(alias, only, moment=moment)


def _writes(alias: str, moment: datetime | None = None) -> int:
    """Lane by lane; one that another drains is left to him, who looks once more at its end.

    So is one of which all that is due has to wait for what was put off.
    """
    others: list[str] = []
    done = 0
    while not ending.is_set() and (name := _next(alias, others, moment)) is not None:
        drained = None
        with _passing(f"{alias}, lane {name}"):  # or it would keep the others from their turn
            drained = drain_lane(alias, name)
        done += drained or 0
        if not drained:
            others.append(name)
    if done:
        now_and_then()
    return done


def _dead() -> int:
    return sum(dead(alias).count() for alias in aliases())


def _next(alias: str, others: list[str], moment: datetime | None) -> str | None:
    found = _due(alias, None).filter(kind__in=WRITES).exclude(lane__in=others)
    if moment is not None:
        found = found.filter(due__lte=moment)
    name: str | None = found.order_by("due").values_list("lane", flat=True).first()
    return name


def _due(alias: str, only: str | None) -> Any:
    found = waiting(alias).filter(due__lte=Now(), kind__in=(TASK, *WRITES))
    return found if only is None else found.filter(lane=only)


def _latest(alias: str, only: str | None) -> datetime | None:
    """The moment from which on the last of those was due that are due now; None if none is."""
    moment: datetime | None = _due(alias, only).aggregate(latest=Max("due"))["latest"]
    # SQLite compares texts, and that of a whole second has no fraction.
    return moment and moment + timedelta(microseconds=1)


def _left(alias: str, only: str | None, moment: datetime | None) -> bool:
    return moment is not None and bool(_due(alias, only).filter(due__lte=moment).exists())


@contextmanager
def _passing(what: str) -> Iterator[None]:
    """What the database can't do now it will: the sweep comes back to it."""
    try:
        yield
    except Error as error:
        if not is_transient(error):
            raise
        let_go()  # the connection may be broken, and would stay so
        _sweep.watch()
        say_once("unhurried can't work off %r (%s); it tries again.", what, type(error).__name__)
