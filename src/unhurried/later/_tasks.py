"""Kicks through Django's tasks. Imported only where ``LATER`` says so, and by their workers."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import django

from ._brokers import TASKS, chosen
from ._errors import LaterError
from ._lanes import run

# Django 6 has them; for 5.2 the package django-tasks has the same.
api: Any = import_module("django.tasks" if django.VERSION >= (6,) else "django_tasks")

#: They would work inside the request, or never.
UNFIT: Final = frozenset({"ImmediateBackend", "DummyBackend"})


def backend(alias: str) -> Any:
    """The backend of that alias; LaterError if TASKS has none."""
    aliases = list(api.task_backends)
    if alias not in aliases:
        known = ", ".join(repr(each) for each in aliases) or "none"
        raise LaterError(
            f"UNHURRIED['LATER'] is {TASKS + alias!r}, but TASKS has no alias {alias!r}.",
            f"Its aliases: {known}.",
        )
    return api.task_backends[alias]


def is_unfit(alias: str) -> bool:
    return any(cls.__name__ in UNFIT for cls in type(backend(alias)).__mro__)


def _queue(alias: str) -> str:
    """The queue that all have by default, or the first of those that the site has named."""
    queues = backend(alias).queues
    default = str(api.DEFAULT_TASK_QUEUE_NAME)
    return default if not queues or default in queues else str(min(queues))


def _task(function: Any) -> Any:
    """A worker imports it by the function's own name, whatever alias it was enqueued with."""
    setting = chosen()
    named = setting.startswith(TASKS)
    alias = setting.removeprefix(TASKS) if named else next(iter(api.task_backends))
    return api.task(backend=alias, queue_name=_queue(alias))(function)


@_task
def drain(lane: str, label: str = "") -> None:
    """What the worker runs. The label is for whoever watches."""
    run(lane, worker=True)


class TasksBroker:
    """Enqueues in a thread of its own, so outside of any transaction of a request."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        backend(alias)

    def send(self, lane: str, label: str) -> bool:
        if is_unfit(self.alias):
            return False
        drain.using(backend=self.alias, queue_name=_queue(self.alias)).enqueue(lane, label)
        return True

    def after_fork(self) -> None:
        """Connections are the backend's own affair."""
