"""Connections to one server: kept, lent to one at a time, replaced when the server has gone."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Final, Generic, Protocol, TypeVar
from weakref import finalize

from .._errors import Unavailable
from ._forks import leaves_after_fork

REST: Final = 1.0  # seconds in which nobody asks again a server that did not answer
KEPT: Final = 64  # idle connections


class GoneError(Unavailable):
    """This connection is closed; another one may do."""


class SilentError(Unavailable):
    """The server does not answer in time, or can't be connected to."""


class Link(Protocol):
    """One connection."""

    def close(self) -> None: ...


L = TypeVar("L", bound=Link)
T = TypeVar("T")


class Pool(Generic[L]):
    """``ask(talk)`` lends a connection to ``talk``, which may have to speak twice.

    What is asked must bear being asked again: a connection that was idle may turn out to be closed
    only after the server has heard all.
    """

    def __init__(self, name: str, connect: Callable[[], L]) -> None:
        self.name = name
        self._connect = connect
        self._idle: deque[L] = deque()
        self._pid = os.getpid()
        self._down_until = 0.0
        leaves_after_fork(self)
        # Not __del__: a pool may be part of a circle, of which Python ends the sockets first.
        finalize(self, _close, self._idle).atexit = False

    def ask(self, talk: Callable[[L], T], *, urgent: bool = False) -> T:
        """What ``talk`` returns; raises Unavailable.

        While a server is down a page must not wait for it again and again; only what is ``urgent``,
        as telling of a write is, tries each time.
        """
        if not urgent and monotonic() < self._down_until:
            raise Unavailable(f"{self.name} did not answer a moment ago.")
        try:
            answer = self._talk(talk)
        except (GoneError, SilentError):
            self._down_until = monotonic() + REST
            raise
        self._down_until = 0.0
        return answer

    def _talk(self, talk: Callable[[L], T]) -> T:
        link = self._idle_link()
        if link is not None:
            try:
                return self._lend(link, talk)
            except GoneError:
                self.empty()  # the others have been closed with it
        return self._lend(self._connect(), talk)

    def _lend(self, link: L, talk: Callable[[L], T]) -> T:
        try:
            answer = talk(link)
        except BaseException:  # half a conversation is left in it, whatever it was
            link.close()
            raise
        if len(self._idle) < KEPT:
            self._idle.append(link)
        else:
            link.close()
        return answer

    def _idle_link(self) -> L | None:
        if self._pid != os.getpid():  # a fork that Python has not seen
            self.after_fork()
        try:
            return self._idle.pop()  # the latest: it is the least likely to have been closed
        except IndexError:
            return None

    def empty(self) -> None:
        """Close what is idle."""
        _close(self._idle)

    def after_fork(self) -> None:
        """Leave the parent's connections; closing our copies does not end them."""
        self._pid, self._down_until = os.getpid(), 0.0
        self.empty()


def _close(links: deque[L]) -> None:
    while links:
        try:
            links.pop().close()
        except IndexError:  # another thread took it
            return
