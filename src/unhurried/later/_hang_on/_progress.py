"""``progress(done, total, message)``: how far a work is, for those who wait.

It is only noted down where it is called. A thread with a connection of its own tells the database,
so that a transaction of the work's is neither needed nor waited for.
"""

from __future__ import annotations

import sys
import threading
from contextvars import ContextVar
from typing import Any, Final

MOST: Final = 200  # characters of a message


class Running:
    """A work under way in this process."""

    def __init__(self, key: str, holder: str, share: float = 0.0) -> None:
        """``share``: what whoever was at it before has said, and is not taken back."""
        self.key, self.holder = key, holder
        self.lost = threading.Event()  # another has taken it over
        self._lock = threading.Lock()
        self._share = share
        self._news: dict[str, Any] = {}

    def note(self, done: float, total: float | None, message: str) -> None:
        """What is further back than what was said before is not said, but for its message."""
        share = min(done / total, 1.0) if total else 0.0
        with self._lock:
            self._news["message"] = _storable(message[:MOST])
            if share >= self._share:
                self._share = share
                self._news.update(done=done, total=total)

    def news(self) -> dict[str, Any]:
        """What has been noted since this was asked last."""
        with self._lock:
            found, self._news = self._news, {}
        return found

    def again(self, news: dict[str, Any]) -> None:
        """It could not be told: next time, if nothing newer has been noted."""
        with self._lock:
            self._news = {**news, **self._news}


def _storable(text: str) -> str:
    """What no database takes, such as the name of a file in another encoding, is a "?"."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


running: Final[ContextVar[Running | None]] = ContextVar("unhurried_running", default=None)


def progress(done: float, total: float | None = None, message: str = "") -> None:
    """Say how far the work is: ``progress(n, len(rows), "Reading the orders")``.

    For a view under ``hang_on``, and whatever it calls; elsewhere it does nothing. It may be called
    as often as you like: those who wait see it four times a second at most, never going backwards.

    Args:
        done: of ``total``; any unit.
        total: None, if nobody knows: then they are shown how long it took last time.
        message: for the reader; of more than 200 characters the rest is left out.

    Raises:
        TypeError, ValueError: these are no numbers from 0 on, or no text.
    """
    for name, value in (("done", done), ("total", 0 if total is None else total)):
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise TypeError(f"progress({name}={value!r}): {name} is a number.")
        if not 0 <= value <= sys.float_info.max:
            raise ValueError(f"progress({name}={value!r}): {name} is a number from 0 on.")
    if not isinstance(message, str):
        raise TypeError(f"progress(message={message!r}): message is a str.")
    now = running.get()
    if now is not None:
        now.note(float(done), None if total is None else float(total), message)
