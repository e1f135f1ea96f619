"""How far a work is: said by the view, written by a thread beside it, outside its transactions."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import Any, Final

from django.db import Error

from .._thread import let_go
from . import _rows

EVERY: Final = 0.25  # seconds between two writes of progress
BEAT: Final = 1.5  # seconds between two renewals of the lease

running: ContextVar[Beside | None] = ContextVar("unhurried_hang_on", default=None)


class Beside:
    """The thread beside a work: it renews the lease, and writes what ``progress`` said last."""

    def __init__(self, row: Any) -> None:
        self.row = row
        self._said: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="unhurried-beside", daemon=True)

    def __enter__(self) -> Beside:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()

    def say(self, done: int, total: int | None, message: str) -> None:
        with self._lock:
            done = max(done, self._said.get("done", 0))  # a bar never goes back
            self._said = {"done": done, "total": total, "message": message[:255]}

    def _run(self) -> None:
        written: dict[str, Any] = {}
        silent = 0.0
        try:
            while not self._end.wait(EVERY):
                silent += EVERY
                with self._lock:
                    said = self._said
                if said is not written or silent >= BEAT:
                    self._write(said)
                    written, silent = said, 0.0
        finally:
            let_go()

    def _write(self, said: dict[str, Any]) -> None:
        """SQLite has one writer: while the work itself writes, its progress is not seen."""
        try:
            _rows.beat(self.row, **said)
        except Error:
            let_go()


def progress(done: int, total: int | None = None, message: str = "") -> None:
    """Tell those who wait how far the work is; does nothing where nobody waits.

    ``done`` of ``total`` in any unit, or of an unknown total. It costs microseconds: a thread
    beside the work writes at most four times a second, outside the work's transactions.
    """
    beside = running.get()
    if beside is not None:
        beside.say(int(done), None if total is None else int(total), str(message))
