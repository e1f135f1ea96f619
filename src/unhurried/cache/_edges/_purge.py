"""Edges are told to forget: in batches, after each end of a transaction, by a thread of its own.

A purge may overtake an answer that was being made of the old data, and reaches the edge when the
purge has gone. So each is sent again, after AGAIN seconds and after DEADLINE; whoever takes longer
is bounded by the answer's max-age. What fails is tried again, ever more rarely; an edge that is
away for long is told in the end to forget all of ours. A request waits for none of this.

Not a lane of the background: with a broker another process would drain it, and the names lie here.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Lock
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

from unhurried.conf import settings
from unhurried.later.reading import Worker
from unhurried.measure import counter
from unhurried.measure.reading import WRITES, at_end, say_once

from .._units._ends import renewed
from ._surrogate_keys import purged_by
from ._waiting import Waiting

AGAIN: Final = 2.0  # seconds
PAUSE: Final = 0.02  # seconds between two turns: what is written meanwhile goes together
BATCH: Final = 200  # names in a request; a header has 8 KB at most
TIMEOUT: Final = 1.0  # seconds, for each step of a connection


@dataclass(slots=True)
class Figures:
    """What this process has sent so far."""

    requests: int = 0
    keys: int = 0
    failed: int = 0  # batches; each is tried again


class RefusedError(Exception):
    """The edge answered, and has not purged."""


class Purges:
    """Everything that belongs to one process: a fork gets a new one."""

    def __init__(self) -> None:
        self.new: deque[tuple[str, ...]] = deque()  # tags; appending takes no lock
        self.waiting: dict[str, Waiting] = {}
        self.figures = Figures()
        self.worker = Worker("unhurried-edges", self.turn)
        self._lock = Lock()

    def turn(self) -> float | None:
        """Send what is due; the seconds until the next are the answer."""
        with self._lock:
            self._sort(monotonic())
            for edge, waiting in self.waiting.items():
                self._send(edge, waiting)
        self.worker.stopping.wait(PAUSE)
        moments = [each.next for each in self.waiting.values() if each.next is not None]
        return max(min(moments) - monotonic(), 0.0) if moments else None

    def last(self) -> None:
        """The process ends: all that waits, now or later, is sent once more."""
        if not self.new and not any(each.keys for each in self.waiting.values()):
            return
        if self._lock.acquire(timeout=TIMEOUT):
            self._sort(monotonic())
            for edge, waiting in self.waiting.items():
                waiting.hurry()
                self._send(edge, waiting)
            self._lock.release()

    def _sort(self, now: float) -> None:
        edges = [str(edge) for edge in settings.EDGES]
        self.waiting = {edge: self.waiting.get(edge) or Waiting() for edge in edges}
        tags: set[str] = set()
        while self.new:
            tags.update(self.new.popleft())
        keys = purged_by(tags)
        for waiting in self.waiting.values() if keys else ():
            for after in (0.0, AGAIN, settings.DEADLINE):
                waiting.add(keys, now, after)

    def _send(self, edge: str, waiting: Waiting) -> None:
        keys = waiting.take(monotonic())
        if not keys:
            return
        try:
            for batch in purge(edge, keys):
                self.figures.requests += 1
                self.figures.keys += batch
        except (OSError, HTTPException, ValueError, RefusedError) as error:
            self.figures.failed += 1
            counter("unhurried.edges.failed").increment()
            say_once("%s was not purged, and is asked again: %s", edge, error)
            waiting.failed(keys, monotonic())
        else:
            waiting.failures = 0


def purge(edge: str, keys: Iterable[str]) -> Iterable[int]:
    """Send all of them over one connection; the size of each batch, once it is done.

    Raises OSError, HTTPException, ValueError (no such address) or RefusedError.
    """
    wanted = sorted(keys)
    connection = address(edge)
    try:
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start : start + BATCH]
            connection.request("PURGE", "/", headers={"xkey-purge": " ".join(batch)})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RefusedError(
                    f"it answered PURGE with {answer.status} {answer.reason}. Is it the VCL of "
                    "`manage.py unhurried edge vcl`, and is this host in its acl?"
                )
            yield len(batch)
    finally:
        connection.close()


def address(edge: object) -> HTTPConnection:
    """A connection, not opened; ValueError if that is no address of a server."""
    found = urlsplit(edge if isinstance(edge, str) else "")
    kinds: dict[str, type[HTTPConnection]] = {"http": HTTPConnection, "https": HTTPSConnection}
    if found.scheme not in kinds or not found.hostname or found.path.strip("/") or found.query:
        raise ValueError(f"{edge!r} is nothing like http://127.0.0.1:6081")
    return kinds[found.scheme](found.hostname, found.port, timeout=TIMEOUT)


_purges = Purges()


def note(tags: Iterable[str]) -> None:
    """These have just been renewed: microseconds, and never an error."""
    if settings.EDGES:
        purges = _purges
        purges.new.append(tuple(tags))
        purges.worker.wake()


def figures() -> Figures:
    return _purges.figures


def _after_fork() -> None:
    """What waits is the parent's to send."""
    global _purges
    _purges = Purges()


def _at_exit() -> None:
    _purges.last()


def install() -> None:
    if note not in renewed:
        renewed.append(note)
        at_end(WRITES, _at_exit)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
