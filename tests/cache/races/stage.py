"""What scenarios are made of: actors, points where they stop, functions that are kept."""

from __future__ import annotations

import functools
import itertools
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar
from unittest import mock

from django.db import connections

from unhurried.cache import cached
from unhurried.cache._units import _ends
from unhurried.measure import measured

# What takes longer hangs: a scenario that works takes milliseconds.
PATIENCE = 40
SCENARIOS: dict[str, Callable[..., Any]] = {}
_numbers = itertools.count()


def scenario(function: Callable[..., Any]) -> Callable[..., Any]:
    SCENARIOS[function.__name__] = function
    return function


class Actor:
    """A thread with connections of its own. With ``unit``, all it does is one unit of work."""

    def __init__(self, unit: bool = False) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._stack = ExitStack()
        if unit:
            self.do(self._stack.enter_context, measured(f"actor {next(_numbers)}"))

    def begin(self, task: Callable[..., Any], *args: Any) -> Future[Any]:
        return self._pool.submit(task, *args)

    def do(self, task: Callable[..., Any], *args: Any) -> Any:
        return self.begin(task, *args).result(PATIENCE)

    def end(self) -> None:
        self.begin(self._stack.close)
        self.begin(connections.close_all)
        self._pool.shutdown()


class Pause:
    """The first to come here stops, until it is let go."""

    all: ClassVar[list[Pause]] = []

    def __init__(self) -> None:
        self._reached, self._go, self._first = threading.Event(), threading.Event(), True
        self.all.append(self)

    def __call__(self) -> None:
        if self._first:
            self._first = False
            self._reached.set()
            assert self._go.wait(PATIENCE), "nobody let it go"

    def reached(self) -> None:
        assert self._reached.wait(PATIENCE), "nobody came here"

    def let_go(self) -> None:
        self._go.set()


class Stage:
    """One scenario's: what it needs, ended after it."""

    def __init__(self, vendor: str, ask: Callable[..., Any]) -> None:
        self.vendor, self.ask = vendor, ask
        self.name = f"{next(_numbers)}-{os.getpid()}"  # nobody's before it: an id may come again
        self._stack = ExitStack()

    def actor(self, unit: bool = False) -> Actor:
        actor = Actor(unit)
        self._stack.callback(actor.end)
        return actor

    def once(self, task: Callable[..., Any], *args: Any) -> Any:
        """Done by somebody new, who has seen nothing before and leaves."""
        actor = Actor()
        try:
            return actor.do(task, *args)
        finally:
            actor.end()

    def kept(self, body: Callable[..., Any], **options: Any) -> Any:
        """``body`` as a cached function of its own name."""
        name = f"{getattr(body, '__name__', 'kept')}{next(_numbers)}-{os.getpid()}"
        return cached(600, key=name, **{"on_change": "wait", **options})(body)

    def held(self, body: Callable[..., Any], **options: Any) -> tuple[Any, Pause]:
        """The same, whose first caller stops after it has read, before it returns."""
        pause = Pause()

        @functools.wraps(body)
        def read_and_stop(*args: Any) -> Any:
            value = body(*args)
            pause()
            return value

        return self.kept(read_and_stop, **options), pause

    def true(self, kept: Any, *args: Any) -> None:
        """Whoever reads now gets what the database says, and so do the next."""
        truth = json.loads(json.dumps(self.once(kept.__wrapped__, *args)))  # tuples are lists
        for _ in range(2):
            got = self.once(kept, *args)
            assert got == truth, f"served {got}, true is {truth}; {self.once(kept.peek, *args)}"

    def end(self) -> None:
        """A scenario that has failed leaves people standing about."""
        while Pause.all:
            Pause.all.pop().let_go()
        self._stack.close()


@contextmanager
def renewals(before: Callable[[], None]) -> Iterator[None]:
    """``before`` is called after each COMMIT, before its tokens are renewed, in this process."""
    renew = _ends.renew

    def late(*args: Any) -> None:
        before()
        renew(*args)

    with mock.patch.object(_ends, "renew", late):
        yield


def say(*words: Any) -> None:
    """On stderr: stdout is the test's."""
    print(*words, file=sys.stderr, flush=True)  # noqa: T201
