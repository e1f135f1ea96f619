"""Who carries a kick out of this process: the setting ``LATER``."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final, Protocol

from unhurried.conf import settings

from ._errors import LaterError

THREAD: Final = "thread"
CELERY: Final = "celery"
TASKS: Final = "tasks:"


class Broker(Protocol):
    """Takes a kick to another process. Called in one thread alone; may take its time."""

    def send(self, lane: str, label: str) -> bool:
        """False if it would do the work right here, which is not its to do."""
        ...

    def after_fork(self) -> None: ...


_brokers: dict[str, Broker] = {}


def chosen() -> str:
    """The setting as it stands."""
    return settings.LATER


def broker(name: str) -> Broker:
    """The one of that name; LaterError if there is none. May import much: not in a request."""
    if name not in _brokers:
        _brokers[name] = _made(name)
    return _brokers[name]


def _made(name: str) -> Broker:
    if name == CELERY:
        made: Broker = adapter(name).CeleryBroker()
        return made
    if name.startswith(TASKS):
        made = adapter(name).TasksBroker(name.removeprefix(TASKS))
        return made
    raise LaterError(
        f"UNHURRIED['LATER'] is {name!r}, which nobody serves.",
        'Say "thread", "tasks:<alias>" with an alias of TASKS, or "celery".',
    )


def adapter(name: str) -> Any:
    """The module that speaks with a library which need not be installed."""
    module, wanted, hint = (
        ("._celery", ("celery", "kombu"), "pip install 'unhurried[celery]'")
        if name == CELERY
        else ("._tasks", ("django.tasks", "django_tasks"), "pip install django-tasks, or Django 6")
    )
    try:
        return import_module(module, __package__)
    except ModuleNotFoundError as error:
        if error.name not in wanted:
            raise
        raise LaterError(
            f"UNHURRIED['LATER'] is {name!r}, but {error.name} is not installed.", f"{hint}."
        ) from error


def install() -> None:
    """At start-up, so that a worker knows our task; what is wrong is told by the checks."""
    if chosen() == CELERY:
        try:
            adapter(CELERY).install()
        except LaterError:
            pass


def after_fork() -> None:
    for each in _brokers.values():
        each.after_fork()
