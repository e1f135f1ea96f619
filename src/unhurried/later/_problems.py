"""What is wrong with what waits and with who works on it, for the system checks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from ._brokers import CELERY, TASKS, THREAD, adapter, broker, chosen
from ._errors import LaterError
from ._hang_on._decorator import hang_on
from ._outbox._tables import LINE, installed
from ._tally import Tally
from ._task._task import tasks
from ._writing._later import later


def problems() -> Iterator[tuple[str, str, str]]:
    """Yield (kind, message, hint): "tables"; "unserved", "unfit", "app"; "threads"."""
    yield from _without_tables()
    name = chosen()
    if name == THREAD:
        yield from _without_threads()
        return
    try:
        broker(name)
    except LaterError as error:
        yield "unserved", error.message, error.hint
        return
    if name == CELERY:
        yield from _without_app()
    else:
        yield from _unfit(name.removeprefix(TASKS))


def _unfit(alias: str) -> Iterator[tuple[str, str, str]]:
    tasks = adapter(TASKS)
    if tasks.is_unfit(alias):
        kind = type(tasks.backend(alias)).__name__
        yield (
            "unfit",
            f"UNHURRIED['LATER'] is {TASKS + alias!r}, whose {kind} has no workers.",
            'LATER = "thread" needs none; or give TASKS a backend with workers, such as '
            "django-tasks-db.",
        )


def _without_app() -> Iterator[tuple[str, str, str]]:
    if adapter(CELERY).app().main == "default":
        yield (
            "app",
            "UNHURRIED['LATER'] is 'celery', but no Celery app is known when Django starts.",
            "In the package of your settings: from .celery import app as celery_app",
        )


def _without_tables() -> Iterator[tuple[str, str, str]]:
    if not installed() and (user := _user()):
        yield (
            "tables",
            f"{user} uses unhurried.later, whose tables are missing.",
            f"{LINE}, and manage.py migrate.",
        )


def _user() -> str | None:
    """A module of the site that wants something done later."""
    for made in tasks.values():
        return str(made.__module__)
    ours = {"later": later, "hang_on": hang_on, "Tally": Tally}
    for name, module in list(sys.modules.items()):
        if not name.startswith("unhurried."):
            held = vars(module)
            if any(held.get(each) is it for each, it in ours.items()):
                return name
    return None


def _without_threads() -> Iterator[tuple[str, str, str]]:
    """uWSGI runs no threads unless told to; only its workers have this module."""
    uwsgi: Any = sys.modules.get("uwsgi")
    options = getattr(uwsgi, "opt", {})
    if uwsgi is not None and not {"enable-threads", "threads"} & {_text(key) for key in options}:
        yield (
            "threads",
            "UNHURRIED['LATER'] is 'thread', but uWSGI runs no threads here.",
            "Add enable-threads = true to its configuration, or choose another LATER.",
        )


def _text(key: Any) -> str:
    return key.decode() if isinstance(key, bytes) else str(key)
