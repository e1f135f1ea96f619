"""Threads that take one step when told, and stand still between: any interleaving can be played."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connections


class Player(threading.Thread):
    """``step(task)`` begins it and returns when it is done, or has come to a ``stop()``."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._go, self._stands = shut(), shut()
        self._task: Callable[[], Any] | None = None
        self.result: Any = None
        self.start()

    @property
    def busy(self) -> bool:
        return self._task is not None

    def step(self, task: Callable[[], Any] | None = None) -> Any:
        """Of a new task, or on with the one it stands in. What it raises is raised here."""
        assert self.busy is (task is None)
        if task:
            self._task, self.result = task, None
        self._go.release()
        self._stands.acquire()
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result

    def stop(self) -> None:
        """Called in its own thread: it stands here until its next step."""
        self._stands.release()
        self._go.acquire()

    def run(self) -> None:
        while True:
            self._go.acquire()
            try:
                self.result = self._task()  # type: ignore[misc]
            except BaseException as error:  # boundary: raised in the thread that directs
                self.result = error
            leaves, self._task = self._task == connections.close_all, None
            self._stands.release()
            if leaves:
                return

    def leave(self) -> None:
        self.step(connections.close_all)
        self.join()


def shut() -> threading.Lock:
    """Quicker than a Semaphore: whoever acquires it waits until somebody releases it."""
    lock = threading.Lock()
    lock.acquire()
    return lock
