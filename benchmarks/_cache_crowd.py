"""Five hundred readers, four processes, one value that nobody has: how often is it computed?"""

from __future__ import annotations

import time
from threading import Barrier, Event, Thread
from typing import Any

from cache_site import data, http, views
from cache_site.setup import Tool

LONG = 20  # seconds: who is not back by then waits for nothing


class Crowd:
    """The readers of one process."""

    def __init__(self, tool: Tool) -> None:
        self.read = _reader(tool)
        self.pk = data.parts()[0].pk
        self.gate = Event()
        self.threads: list[Thread] = []
        self.told: list[tuple[str, float]] = []  # what each got, after how many seconds

    def arm(self, count: int) -> bool:
        """Returns once every reader waits at the gate."""
        self.gate.clear()
        self.told.clear()
        there = Barrier(count + 1)
        self.threads = [Thread(target=self._one, args=(there,), daemon=True) for _ in range(count)]
        for thread in self.threads:
            thread.start()
        there.wait(LONG)
        return True

    def go(self) -> dict[str, Any]:
        end = time.monotonic() + LONG
        self.gate.set()
        for thread in self.threads:
            thread.join(max(0, end - time.monotonic()))
        told = list(self.told)
        return {
            "values": sorted({value for value, _ in told}),
            "seconds": [seconds for _, seconds in told],
            "waiting": [self.pk] * (len(self.threads) - len(told)),
        }

    def _one(self, there: Barrier) -> None:
        from django.db import connection

        there.wait(LONG)
        self.gate.wait(LONG)
        began = time.perf_counter()
        try:
            value = self.read(self.pk)
        except Exception as error:  # boundary: a peer's error is what its reader got
            value = type(error).__name__
        self.told.append((value, time.perf_counter() - began))
        connection.close()


def _reader(tool: Tool) -> Any:
    from django.core.wsgi import get_wsgi_application

    if tool.keeps != "pages":
        return views.kept("slow")
    application = get_wsgi_application()
    return lambda pk: http.send(application, http.environ(f"/slow/{pk}/", plain=True)).decode()


def write(tool: Tool, name: str) -> bool:
    data.write(tool, data.parts()[0], name, of="slow")
    return True
