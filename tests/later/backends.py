"""A backend of Django's tasks that keeps what it is given, as one with workers does."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import django

#: Django 6 has them; for 5.2 the package django-tasks does.
API = "django.tasks" if django.VERSION >= (6,) else "django_tasks"
BaseTaskBackend: Any = import_module(f"{API}.backends.base").BaseTaskBackend

enqueued: list[tuple[str, str, str, tuple[Any, ...], dict[str, Any]]] = []


class KeepingBackend(BaseTaskBackend):
    def enqueue(self, task: Any, args: Any, kwargs: Any) -> None:
        self.validate_task(task)
        enqueued.append((self.alias, task.queue_name, task.module_path, args, kwargs))


class DownBackend(BaseTaskBackend):
    def enqueue(self, task: Any, args: Any, kwargs: Any) -> None:
        raise ConnectionRefusedError(111, "Connection refused")
