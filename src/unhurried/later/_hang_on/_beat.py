"""Signs of life of a work under way, and its progress, from a thread with its own connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Final

from django.db import DatabaseError

from unhurried.measure.reading import swallow

from .._errors import is_transient
from .._outbox._lease import BEAT
from .._outbox._tables import let_go
from .._thread import close_all
from . import _works
from ._progress import Running

EVERY: Final = 0.25  # seconds between two reports of progress


@contextmanager
def alive(running: Running) -> Iterator[None]:
    """Its lease is renewed as long as the block runs."""
    over = threading.Event()
    thread = threading.Thread(
        target=Context().run, args=(_beat, running, over), name="unhurried-hang-on", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(running: Running, over: threading.Event) -> None:
    try:
        told = time.monotonic()
        while not over.wait(EVERY) and not running.lost.is_set():
            news = running.news()
            if news or time.monotonic() - told >= BEAT:
                told = time.monotonic()
                _tell(running, news)
    finally:
        close_all()


def _tell(running: Running, news: dict[str, object]) -> None:
    try:
        if not _works.keep_alive(running.key, running.holder, news):
            running.lost.set()
    except DatabaseError as error:
        running.again(news)  # the work goes on, and perhaps the next one gets through
        if not is_transient(error):
            swallow("the progress of a page", error)
        let_go()
    except Exception as error:  # boundary: whatever it was, it must not cost the lease
        swallow("the progress of a page", error)
