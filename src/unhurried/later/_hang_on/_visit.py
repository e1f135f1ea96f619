"""One request for a work, step by step, so that waiting blocks a thread or a coroutine alike."""

from __future__ import annotations

import os
import time
from math import ceil
from threading import BoundedSemaphore, Lock
from typing import Any, Final, Self

from django.db import connections
from django.http import HttpRequest, HttpResponse

from unhurried.conf import settings
from unhurried.measure.reading import say_once

from .._elsewhere import anywhere
from .._outbox._tables import works
from .._testing import is_test
from . import _answers, _works
from ._asked import Asked, asked, owner
from ._job import hung
from ._options import Options
from ._run import ask
from ._works import Seen

SHORT: Final = 0.02  # seconds between two looks
LONG: Final = 0.25  # between later ones
LEAST: Final = 0.005
AGAIN: Final = 0.5  # seconds between two kicks for what nobody has begun
HOLD: Final = 2.0  # seconds that who has the page that waits before him is kept waiting, see _hold
MOST_HELD: Final = 4  # at a time, of a process: the other threads are for the others
_holds = BoundedSemaphore(MOST_HELD)


class Visit:
    """``step`` is called until it gives an answer; till then it gives the seconds to wait."""

    def __init__(self, request: HttpRequest, args: Any, kwargs: Any, options: Options) -> None:
        self.request, self.options = request, options
        self._call = (args, kwargs)
        self._began = time.monotonic()
        self._pause = SHORT
        self._kicked = float("-inf")
        self._asked: Asked | None = None
        self._held = self._is_first = self._gone = False
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._gone, held = True, self._held
        if held:
            _holds.release()

    def step(self) -> HttpResponse | float | None:
        """An answer, or seconds, or None: call the view.

        That is in a transaction: nobody else would see what is written down here. Or in a test,
        where nobody would work on it. Or in another schema or role than a new connection's: it
        would be made of others' rows.
        """
        if self._asked is None:
            if connections[works().db].in_atomic_block or is_test():
                return None
            if anywhere():
                say_once("Within a request's own schema or role hang_on simply calls its views.")
                return None
            self._asked = asked(self.request, *self._call, self.options)
        seen = _works.look(self._asked.key)
        if seen is not None and seen.is_fresh:
            return self._end(self._asked, seen)
        if seen is None or not seen.is_open:
            return self._begin(self._asked)
        if seen.is_nobodys:
            self._kick()
        return self._wait(self._asked, seen)

    def _end(self, asked: Asked, seen: Seen) -> HttpResponse | float:
        if asked.kind == "poll":
            return _answers.ended()
        if seen.state == "failed":
            return _answers.failed(self.request, self._template(asked), seen)
        result = _works.result(asked.key)
        return 0.0 if result is None else _answers.of_result(result)

    def _begin(self, asked: Asked) -> HttpResponse | float:
        if asked.kind == "poll":
            return _answers.ended()
        if asked.kind == "head":
            return _answers.empty(1)
        if asked.kind == "prefetch":
            return _answers.unavailable(1)
        whose = owner(self.request)
        match, _ = hung(self.request.path_info)
        if not _works.begin(asked.key, match.route, asked.told, whose, self.options.limit):
            return _answers.too_many(self.request, self._template(asked), self.options.limit)
        self._is_first = True
        self._kick(match.route)
        return self._next(asked)

    def _wait(self, asked: Asked, seen: Seen) -> HttpResponse | float:
        if asked.kind == "poll":
            return _answers.told(seen, self._guess(seen))
        if asked.kind == "head":
            return _answers.empty(_answers.pause(seen))
        if asked.kind == "prefetch":
            return _answers.unavailable(_answers.pause(seen))
        if asked.again and not (self._held or self._is_first):
            self._hold()
        if time.monotonic() - self._began < self._patience(asked):
            return self._next(asked)
        if asked.kind == "page":
            return self._waiting(asked, seen)
        if asked.kind == "async":
            response = _answers.told(seen, self._guess(seen))
            response["Preference-Applied"] = "respond-async"
            return response
        return _answers.unavailable(self._left(seen))

    def _hold(self) -> None:
        """Let who has the page that waits before him wait for its end here.

        Without JavaScript a browser can be told to look again in a second, or at once. A second is
        too late; so at once, and it waits here, where the end is seen when it comes. A process that
        answers one at a time would keep all others waiting with it.
        """
        if self._has_threads and _holds.acquire(blocking=False):
            with self._lock:
                self._held = not self._gone  # a coroutine may have been cancelled meanwhile
            if not self._held:
                _holds.release()

    @property
    def _has_threads(self) -> bool:
        return bool(self.request.META.get("wsgi.multithread", True))

    def _waiting(self, asked: Asked, seen: Seen) -> HttpResponse:
        refresh = _answers.pause(seen)
        if self._held or (self._has_threads and self._is_first):
            refresh = 0  # to be held: once for who does not say that he loads it anew
        elif self._has_threads and not asked.again:
            refresh = 1
        guess = self._guess(seen)
        return _answers.waiting(self.request, self.options.template, seen, guess, refresh)

    def _patience(self, asked: Asked) -> float:
        """Seconds that this one waits for the end."""
        if asked.kind == "page":
            return max(HOLD, self.options.after) if self._held else self.options.after
        if asked.kind == "async":
            wait = self.options.after if asked.wait is None else asked.wait
            return min(wait, self.options.wait)
        if asked.kind == "crawler":
            return min(settings.WAIT, self.options.wait)
        return self.options.wait

    def _next(self, asked: Asked) -> float:
        """Longer each time, but not past the end of one's patience."""
        pause, self._pause = self._pause, min(self._pause * 1.2, LONG)
        left = self._patience(asked) - (time.monotonic() - self._began)
        return max(min(pause, left), LEAST)

    def _kick(self, route: str = "") -> None:
        if time.monotonic() - self._kicked >= AGAIN:
            self._kicked = time.monotonic()
            ask(route)

    def _guess(self, seen: Seen) -> float | None:
        """Seconds that it took last time, where nobody says how far it is."""
        if seen.state == "waiting":
            return None  # for its turn, and how long that takes is another matter
        if seen.done is not None and seen.total:
            return None
        match = self.request.resolver_match
        return seen.took or (_works.expected(match.route) if match else None)

    def _left(self, seen: Seen) -> int:
        guess = self._guess(seen)
        return min(max(ceil(guess - seen.age), 1), 60) if guess else _answers.pause(seen)

    def _template(self, asked: Asked) -> str | None:
        return self.options.template if asked.kind == "page" else None


def _after_fork() -> None:
    global _holds
    _holds = BoundedSemaphore(MOST_HELD)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
