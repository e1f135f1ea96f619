"""Where code runs for real and leaves nothing behind: for replays, in commands and tests only.

Every database is in a transaction that is rolled back, so hooks on commit never run; caches and
tasks are the process's own memory, mail goes into a list, and no connection to the outside is made.
What was held back is told. Code in another thread has a connection of its own, outside of the
transaction: there, and nowhere else, writes are refused.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any, Final
from uuid import uuid4

from asgiref.local import Local
from django.conf import settings
from django.core import mail
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import request_finished, request_started
from django.db import Error, close_old_connections, connections, transaction
from django.db.backends.signals import connection_created

from unhurried.measure import reading as measure

from . import _outgoing

LOCMEM: Final = "django.core.cache.backends.locmem.LocMemCache"
MAIL: Final = "django.core.mail.backends.locmem.EmailBackend"
DUMMY: Final = "django.tasks.backends.dummy.DummyBackend"
READS: Final = ("SELECT", "WITH", "VALUES", "SHOW", "EXPLAIN", "SET", "PRAGMA", "(")
ENDS: Final = ("COMMIT", "END", "ROLLBACK", "ABORT", "BEGIN", "START TRANSACTION")


class RefusedError(RuntimeError):
    """The sandbox does not let this out; the message says what and why."""


class InRequestError(RuntimeError):
    """A page was to be replayed inside a web worker's request."""


@contextmanager
def sandbox() -> Iterator[list[str]]:
    """Run the block so that nothing of it stays; yields what was held back, in plain words."""
    record = measure.current.get()
    if record is not None and record.kind == "request" and not record.replaying:
        raise InRequestError(
            "A page is replayed by a management command or a test, never inside a request: it "
            "swaps what the whole process uses."
        )
    held: list[str] = []
    with ExitStack() as stack:
        stack.enter_context(_rolled_back())
        stack.enter_context(_swapped(caches, _in_memory()))
        stack.enter_context(_mail(held))
        stack.enter_context(_tasks(held))
        stack.enter_context(_outgoing.refused(held))
        yield held


@contextmanager
def _rolled_back() -> Iterator[None]:
    """One transaction per database that answers; those of other threads are only read."""
    guard, opened = _Guard(), []

    def created(connection: Any, **kwargs: object) -> None:
        if connection not in opened:
            connection.execute_wrappers.append(guard.only_reads)
            stack.callback(_take_out, connection.execute_wrappers, guard.only_reads)

    with ExitStack() as stack:
        stack.enter_context(_kept_open())
        for connection in connections.all():
            if _answers(connection):
                opened.append(connection)
                stack.enter_context(_undone(connection.alias))
                connection.execute_wrappers.append(guard.stays_inside)
                stack.callback(_take_out, connection.execute_wrappers, guard.stays_inside)
        connection_created.connect(created, weak=False)
        stack.callback(connection_created.disconnect, created)
        yield


@contextmanager
def _kept_open() -> Iterator[None]:
    """Between requests Django closes connections that are in a transaction it did not begin."""
    signals = [
        s for s in (request_started, request_finished) if s.disconnect(close_old_connections)
    ]
    try:
        yield
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


def _take_out(wrappers: list[Any], wrapper: Any) -> None:
    if wrapper in wrappers:
        wrappers.remove(wrapper)


def _answers(connection: Any) -> bool:
    """A database that is down or not meant to be asked here is left alone."""
    try:
        connection.ensure_connection()
    except (Error, ImproperlyConfigured, AssertionError):  # the last: a test's ``databases``
        return False
    return True


@contextmanager
def _undone(alias: str) -> Iterator[None]:
    atomic = transaction.atomic(using=alias)
    atomic._from_testcase = True  # type: ignore[attr-defined] # so that durable blocks may stand in it
    with atomic:
        try:
            yield
        finally:
            if connections[alias].in_atomic_block:
                transaction.set_rollback(True, using=alias)


class _Guard:
    """Statements that would get out of the transaction do not run."""

    def stays_inside(self, execute: Callable[..., Any], sql: Any, *rest: Any) -> Any:
        if str(sql).lstrip()[:20].upper().startswith(ENDS) and " TO " not in str(sql).upper():
            raise RefusedError(
                f"{str(sql)[:40]} would end the transaction that is to be rolled back."
            )
        return execute(sql, *rest)

    def only_reads(self, execute: Callable[..., Any], sql: Any, *rest: Any) -> Any:
        if not str(sql).lstrip()[:10].upper().startswith(READS):
            raise RefusedError(
                f"The page writes from another thread or to a database that did not answer before, "
                f"which cannot be rolled back: {str(sql)[:60]}"
            )
        return execute(sql, *rest)


def _in_memory() -> dict[str, dict[str, Any]]:
    kept = ("TIMEOUT", "VERSION", "KEY_PREFIX", "KEY_FUNCTION")
    return {
        alias: {
            "BACKEND": LOCMEM,
            "LOCATION": f"unhurried-replay-{alias}",
            **{key: given[key] for key in kept if key in given},
        }
        for alias, given in settings.CACHES.items()
    }


@contextmanager
def _swapped(handler: Any, given: dict[str, Any]) -> Iterator[None]:
    """A handler of connections (caches, tasks) that makes others for as long as the block lasts."""
    before = handler.settings, handler._connections
    handler.settings, handler._connections = given, Local(handler.thread_critical)
    try:
        if handler is caches:
            for alias in given:
                handler[alias].clear()
        yield
    finally:
        handler.settings, handler._connections = before


@contextmanager
def _mail(held: list[str]) -> Iterator[None]:
    name = "MAILERS" if hasattr(settings, "MAILERS") else "EMAIL_BACKEND"
    before, outbox = _setting(name), getattr(mail, "outbox", None)
    _set(name, {a: {"BACKEND": MAIL} for a in before} if name == "MAILERS" else MAIL)
    mail.outbox = []
    try:
        yield
        held.extend(f"a mail: {message.subject}" for message in mail.outbox)
    finally:
        _set(name, before)
        if outbox is None:
            del mail.outbox
        else:
            mail.outbox = outbox


def _setting(name: str) -> Any:
    with _no_warning():
        return getattr(settings, name)


def _set(name: str, value: Any) -> None:
    with _no_warning():
        setattr(settings, name, value)


@contextmanager
def _no_warning() -> Iterator[None]:
    """Django 6.1 deprecates EMAIL_BACKEND; that this project has it is not ours to say."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The EMAIL_BACKEND setting is deprecated")
        yield


@contextmanager
def _tasks(held: list[str]) -> Iterator[None]:
    """Django's tasks go into a list, Celery's nowhere; both only where they are imported."""
    with ExitStack() as stack:
        tasks = sys.modules.get("django.tasks")
        if tasks is not None:
            backends = {alias: {"BACKEND": DUMMY, "QUEUES": []} for alias in tasks.task_backends}
            stack.enter_context(_swapped(tasks.task_backends, backends))
            stack.callback(_told, tasks.task_backends, held)
        if "celery" in sys.modules:  # which imports its parts when they are first asked for
            stack.enter_context(_celery(import_module("celery.app.task").Task, held))
        yield


def _told(backends: Any, held: list[str]) -> None:
    for backend in backends.all(initialized_only=True):
        held.extend(f"a task: {result.task.module_path}" for result in backend.results)


@contextmanager
def _celery(task: Any, held: list[str]) -> Iterator[None]:
    original = task.apply_async

    def apply_async(self: Any, *args: Any, task_id: str | None = None, **options: Any) -> Any:
        held.append(f"a task: {self.name}")
        return self.AsyncResult(task_id or str(uuid4()))

    task.apply_async = apply_async
    try:
        yield
    finally:
        task.apply_async = original
