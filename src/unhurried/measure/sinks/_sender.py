"""A bounded buffer and the daemon thread that empties it: a sink that is down slows nothing.

The thread starts with the first item, in whichever process that is, and again after a fork; what
the parent had buffered stays the parent's to send. What is lost is counted in
``unhurried.<sink>.lost``.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections import deque
from contextvars import Context
from typing import Any, ClassVar, Final, Generic, TypeVar

from .._end import SINKS, at_end, not_at_end
from .._errors import swallow
from .._instruments import counter

T = TypeVar("T")

AT_EXIT: Final = 0.5  # seconds that the end of a process waits for the last delivery

_senders: list[Sender[Any]] = []


class Sender(ABC, Generic[T]):
    """What statsd and graphite have in common."""

    name: ClassVar[str]
    limit: ClassVar[int]
    period: ClassVar[float] = 1.0  # seconds between deliveries

    def __init__(self) -> None:
        self._begin()
        _senders.append(self)

    def _begin(self) -> None:
        self.buffer: deque[T] = deque()
        self.lost = 0
        self.lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    @abstractmethod
    def deliver(self) -> None:
        """Send what is buffered, or some of it. Called in the sender's own thread alone."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the socket, if there is one."""

    def put(self, item: T) -> None:
        """Buffer an item, or count it as lost. Called in the request: it waits for nothing."""
        if len(self.buffer) >= self.limit:
            return self.lose(1)
        self.buffer.append(item)
        if self._thread is None:
            self.start()

    def lose(self, n: int) -> None:
        with self.lock:
            self.lost += n

    def start(self) -> None:
        """Start the thread, if it has not been. The context is empty: no request is under way."""
        with self.lock:
            if self._thread is not None or self._stopping.is_set():
                return
            run = Context().run
            thread = threading.Thread(
                target=run,
                args=(self._run, self._stopping),
                name=f"unhurried-{self.name}",
                daemon=True,
            )
            try:
                thread.start()
            except RuntimeError:  # no thread to be had, or the interpreter is ending: try later
                return
            self._thread = thread
            at_end(SINKS, self.stop, self.resume)

    def stop(self) -> None:
        """Deliver once more, and end; nobody waits longer than AT_EXIT."""
        not_at_end(self.stop)
        self._stopping.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(AT_EXIT)
        if self in _senders:
            _senders.remove(self)

    def resume(self) -> None:
        """After a stop: begin anew with the next item. A delivery that hangs ends by itself."""
        self._stopping, self._thread = threading.Event(), None
        _senders.append(self)

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.wait(self.period):
            self._turn()
        self._turn()
        self.lose(self.left())
        self._report()
        self.close()

    def left(self) -> int:
        """How much is still buffered, counted as losses are."""
        return len(self.buffer)

    def _turn(self) -> None:
        try:
            self.deliver()
        except Exception as error:  # boundary: one bad item must not end the thread
            swallow(f"the sink {self.name}", error)
        self._report()

    def _report(self) -> None:
        with self.lock:
            lost, self.lost = self.lost, 0
        if lost:
            counter(f"unhurried.{self.name}.lost").increment(lost)

    def after_fork(self) -> None:
        self.close()  # our copy of the descriptor; the parent's connection goes on
        self._begin()


def _after_fork() -> None:
    for sender in _senders:
        sender.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
