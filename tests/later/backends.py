"""A backend of Django's tasks that keeps what it is given, as one with workers does."""

from __future__ import annotations

from typing import Any

from django.tasks.backends.base import BaseTaskBackend

enqueued: list[tuple[str, str, str, tuple[Any, ...], dict[str, Any]]] = []


class KeepingBackend(BaseTaskBackend):
    def enqueue(self, task: Any, args: Any, kwargs: Any) -> None:
        self.validate_task(task)
        enqueued.append((self.alias, task.queue_name, task.module_path, args, kwargs))


class DownBackend(BaseTaskBackend):
    def enqueue(self, task: Any, args: Any, kwargs: Any) -> None:
        raise ConnectionRefusedError(111, "Connection refused")
