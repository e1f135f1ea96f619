"""Units of work outside HTTP: management commands, Celery tasks; and sync code under ASGI."""

from __future__ import annotations

import sys
from contextvars import Token
from threading import get_ident
from time import thread_time_ns
from typing import Any, Final

from asgiref.sync import SyncToAsync
from django.core.management import BaseCommand

from . import _frames
from ._frames import blocks
from ._record import Record, current, under_way
from ._units import finish, start
from ._wraps import wrap

#: Commands that only hold a process open: servers, shells, workers, and our own.
NO_UNITS: Final = frozenset(
    {
        *("runserver", "runserver_plus", "testserver", "runworker", "shell", "shell_plus"),
        *("dbshell", "test", "unhurried", "db_worker", "qcluster", "celery", "run_huey"),
        *("rqworker", "rqworker-pool", "rqscheduler", "rqcron", "rundramatiq", "process_tasks"),
        *("runapscheduler", "procrastinate worker"),
    }
)
#: Commands of which one verb is such, with the option that names it.
VERBS: Final = {"procrastinate": "command"}
#: Our own task of Celery's: what it works off are units of their own.
DRAIN: Final = "unhurried.drain"


def _execute(original: Any) -> Any:
    def inner(self: Any, *args: Any, **kwargs: Any) -> Any:
        name = type(self).__module__.rpartition(".")[2]
        record = None
        if under_way() is None and _is_unit(self, name, kwargs):
            record = start("unit", f"command:{name}")
        if record is None:
            return original(self, *args, **kwargs)
        token, begun = current.set(record), _frames.begin(record, blocks)
        try:
            return original(self, *args, **kwargs)
        except BaseException as error:
            record.raised = not (isinstance(error, SystemExit) and error.code in (None, 0))
            raise
        finally:
            current.reset(token)
            _frames.end(begun)
            finish(record)

    inner.__wrapped__ = original  # type: ignore[attr-defined]
    return inner


def _is_unit(command: BaseCommand, name: str, options: dict[str, Any]) -> bool:
    """Not one that runs for ever: each job is a unit, and reads anew what another has changed."""
    if not getattr(command, "unhurried_unit", True):
        return False
    verb = options.get(VERBS[name]) if name in VERBS else None
    return name not in NO_UNITS and f"{name} {verb}" not in NO_UNITS


def _call(original: Any) -> Any:
    """Count the CPU of sync code that async code sends to a thread, in that thread."""

    def inner(self: Any, func: Any, *args: Any, **kwargs: Any) -> None:
        original(self, func, *args, **kwargs)
        self.func = _counted(self.func)

    inner.__wrapped__ = original  # type: ignore[attr-defined]
    return inner


def _counted(func: Any) -> Any:
    def inner(*args: Any, **kwargs: Any) -> Any:
        record, thread = current.get(), get_ident()
        if record is None or record.threads is None or thread in record.threads:
            return func(*args, **kwargs)
        record.threads.append(thread)
        begun, began = _frames.begin(record), thread_time_ns()
        try:
            return func(*args, **kwargs)
        finally:
            if not _frames.around(begun, record):
                record.cpu += thread_time_ns() - began
            _frames.end(begun)
            record.threads.remove(thread)

    return inner


_tasks: dict[str, tuple[Record, Token[Record | None]]] = {}


def _task_begins(*, task_id: str, sender: Any = None, **kwargs: object) -> None:
    name = getattr(sender, "name", sender)
    if under_way() is None and name != DRAIN:  # an eager task is part of the request
        record = start("unit", f"task:{name}")
        if record is not None:
            _tasks[task_id] = record, current.set(record)
            blocks[get_ident()] = record


def _task_failed(*, task_id: str, **kwargs: object) -> None:
    if task_id in _tasks:
        _tasks[task_id][0].raised = True


def _task_ends(*, task_id: str, **kwargs: object) -> None:
    record, token = _tasks.pop(task_id, (None, None))
    if record is not None and token is not None:
        current.reset(token)
        _frames.leave(record)
        finish(record)


def _listen_to_celery() -> None:
    """By its public signals, and only where the project has imported it."""
    if "celery" not in sys.modules:
        return
    from celery import signals

    signals.task_prerun.connect(_task_begins, dispatch_uid="unhurried", weak=False)
    signals.task_failure.connect(_task_failed, dispatch_uid="unhurried", weak=False)
    signals.task_postrun.connect(_task_ends, dispatch_uid="unhurried", weak=False)


def install() -> None:
    wrap(
        BaseCommand,
        "execute",
        _execute,
        why="Django sends no signal around management commands.",
        cost="nothing per request",
    )
    wrap(
        SyncToAsync,
        "__init__",
        _call,
        why="Under ASGI a sync view runs in another thread, whose CPU clock no one else reads.",
        cost="1 us per sync_to_async(), none under WSGI",
    )
    _listen_to_celery()
