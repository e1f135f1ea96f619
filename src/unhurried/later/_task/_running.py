"""Running the tasks that wait: one after another, each under a lease of its own."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from inspect import iscoroutinefunction
from typing import Any, Final

from asgiref.sync import async_to_sync
from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, connections, transaction
from django.db.models.functions import Now
from django.utils.module_loading import autodiscover_modules

from unhurried.measure import counter, measured
from unhurried.measure.reading import say_once

from .._elsewhere import come_back
from .._ending import ending
from .._errors import LEAVING, LaterError
from .._outbox import _sweep
from .._outbox._clock import backoff, in_seconds
from .._outbox._dead import bury, told
from .._outbox._kinds import TASK
from .._outbox._lease import FREE, a_name, alive, claimed, died, put_off
from .._outbox._tables import removed, waiting
from ._arguments import read
from ._task import ATTEMPTS, Task, tasks

BATCH: Final = 20  # tasks looked at in one query
#: Workers that may die over one task in a row, the last ones five minutes apart. Most are killed by
#: somebody else, at the end of a job or by a deploy, and the task has not even failed.
DEATHS: Final = 20


def drain_tasks(
    alias: str,
    lane: str | None = None,
    *,
    until: float = math.inf,
    moment: datetime | None = None,
) -> int:
    """Run what is due in one database, or in one lane of it; how many were run.

    None is begun after ``until`` (monotonic seconds), or when the process is to end; nor any that
    was due after the ``moment``, so that tasks which ask for others have an end.
    """
    done = 0
    while found := _due(alias, lane, moment):
        ran = 0
        for row in found:
            if ending.is_set() or time.monotonic() > until:
                return done + ran
            ran += _run(alias, row)
        done += ran
        if not ran:
            break  # others have them all
    return done


def _due(alias: str, lane: str | None, moment: datetime | None) -> list[Any]:
    found = waiting(alias).filter(FREE, kind=TASK, due__lte=Now() if moment is None else moment)
    if lane is not None:
        found = found.filter(lane=lane)
    return list(found.order_by("due", "id")[:BATCH])


def _run(alias: str, row: Any) -> bool:
    """Run one of them, unless another does."""
    come_back()
    deaths = died(row.holder)
    if deaths > 1 and row.until is not None:  # just found
        _sweep.watch()
        put_off(alias, row, backoff(deaths))
        return False
    holder = a_name(deaths)
    if not claimed(alias, row, holder):
        return False
    row.attempts, row.holder = row.attempts + (not deaths), holder
    most = ATTEMPTS
    try:
        task = named(row.target)
        most = task.attempts
        call = _call(row, task, deaths)
        with alive(alias, row.pk, holder):
            _done(alias, row, task, call)
    except _HopelessError as error:
        bury(alias, row, row.attempts, str(error))
    except LEAVING as error:  # boundary: it would take the worker with it
        _failed(alias, row, error, most)
    except Exception as error:  # boundary: the site's own code runs in there
        _failed(alias, row, error, most)
    return True


def _call(row: Any, task: Task[Any, Any], deaths: int) -> Callable[[], Any]:
    """The call that was written down; with one attempt alone it is made once."""
    if deaths > (DEATHS if task.attempts > 1 else 0):
        raise _HopelessError(f"whoever ran it died, {deaths} times")
    try:
        args, kwargs = read(json.loads(row.body))
    except ObjectDoesNotExist as error:
        raise _HopelessError(f"an argument is gone: {error}") from error
    function = async_to_sync(task.function) if iscoroutinefunction(task.function) else task.function
    return partial(function, *args, **kwargs)


def _done(alias: str, row: Any, task: Task[Any, Any], call: Callable[[], Any]) -> None:
    """Run it and forget it: at once, if it is to be atomic."""
    with transaction.atomic(using=alias) if task.atomic else nullcontext():
        if task.atomic and row.attempts > 1:
            _first(alias, row)
        with measured(f"task:{task.name}"):
            call()
        ours = removed(waiting(alias).filter(pk=row.pk, holder=row.holder))
        if task.atomic and not ours:
            raise LaterError(
                f"{task.name} was taken over by another worker while it ran.",
                "What it wrote is rolled back: this process was silent for too long.",
            )


def _first(alias: str, row: Any) -> None:
    """Begin with a write where there is one writer: then nobody else is that until the end.

    SQLite refuses a transaction's first write if another has written since it first read, and the
    lease alone does so if that takes long. So it is with who has been refused, and would be again.
    """
    if connections[alias].vendor == "sqlite":
        waiting(alias).filter(pk=row.pk, holder=row.holder).update(holder=row.holder)


def named(name: str) -> Task[Any, Any]:
    """The task of that name; for one that is not known the apps' ``tasks`` modules are loaded.

    Raises:
        LaterError: there is none.
    """
    if name not in tasks:
        autodiscover_modules("tasks")
    if name not in tasks and (module := _module(name)):
        import_module(module)
    try:
        return tasks[name]
    except KeyError:
        raise LaterError(
            f"No task is called {name!r}.",
            "A worker needs the site's INSTALLED_APPS and its release; a task that was renamed "
            "keeps its old name by @task(name=…) until none waits.",
        ) from None


def _module(name: str) -> str | None:
    """Where a task of that name would be, if in one of the site's apps: no other is imported."""
    module = name.rpartition(".")[0]
    ours = any(f"{module}.".startswith(f"{config.name}.") for config in apps.get_app_configs())
    return module if ours and find_spec(module) else None


def _failed(alias: str, row: Any, error: BaseException, most: int) -> None:
    if row.attempts >= most:
        return bury(alias, row, row.attempts, error)
    _sweep.watch()
    say_once("The task %s raised %s; it is tried again.", row.target, told(error))
    counter("unhurried.later.retried").increment()
    again = {"due": in_seconds(backoff(row.attempts)), "until": None, "holder": ""}
    ours = waiting(alias).filter(pk=row.pk, holder=row.holder)
    try:
        with transaction.atomic(using=alias):
            ours.update(key=row.key, **again)  # it waits again, and a unique one is that alone
    except IntegrityError:  # another was asked for meanwhile
        ours.update(**again)
    return None


class _HopelessError(Exception):
    """It would be the same next time."""
