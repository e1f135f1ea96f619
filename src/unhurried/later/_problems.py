"""What is wrong with where background work is done, for the system checks."""

from __future__ import annotations

from collections.abc import Iterator

from ._brokers import CELERY, TASKS, THREAD, adapter, broker, chosen
from ._errors import LaterError


def problems() -> Iterator[tuple[str, str, str]]:
    """Yield (kind, message, hint): "unserved", or "unfit", or "app"."""
    name = chosen()
    if name == THREAD:
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
