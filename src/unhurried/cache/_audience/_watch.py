"""Who is observing a request, and what each of them has seen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from ._readers import harmless, nearest, place

#: Where the watch lies among the attributes of what is watched.
WATCH: Final = "_unhurried_watch"

_deaf: ContextVar[tuple[Observation, ...]] = ContextVar("unhurried_deaf", default=())
_silent: ContextVar[bool] = ContextVar("unhurried_silent", default=False)


@contextmanager
def silence() -> Iterator[None]:
    """While Django works out one input from another, only the first has been looked at."""
    before = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(before)


@contextmanager
def deaf(observations: Iterable[Observation]) -> Iterator[None]:
    """What is looked at in here is no part of what these observe; later ones hear it."""
    before = _deaf.set((*_deaf.get(), *observations))
    try:
        yield
    finally:
        _deaf.reset(before)


class Observation:
    """What was looked at, by name, and the line of the first look.

    Names: ``user`` and ``user:is_staff``, ``session`` and ``session:cart``, ``messages``, ``csrf``,
    ``nonce``, ``headers`` and ``header:Accept``, ``cookies`` and ``cookie:theme``, ``meta:…``,
    ``query``, ``body``, ``host``, ``scheme``, ``method``, ``path``,
    ``attr:tenant`` (set by a middleware), and ``request`` for the whole of it.
    """

    __slots__ = ("csrf", "foreign", "known", "touched")

    def __init__(self, known: Collection[str] = (), csrf: Callable[[], str] | None = None) -> None:
        self.touched: dict[str, str] = {}
        self.known = known  # of no interest
        #: The CSRF secret that is shown to those who are observed; None: the reader's own.
        self.csrf = csrf
        self.foreign: set[str] = set()  # attributes that others than the observed block have set


class Watch:
    """Of one request, while at least one observation of it goes on."""

    __slots__ = ("observations", "proxies", "swapped", "wary")

    def __init__(self, *, wary: bool) -> None:
        self.observations: list[Observation] = []
        self.swapped: list[tuple[Any, type]] = []  # what is watched, and what class it had
        self.proxies: dict[str, tuple[Any, Any]] = {}  # by attribute: what lies there, our proxy
        self.wary = wary  # there is middleware nobody vouches for: it may set any attribute

    def see(self, name: str, attribute: str = "") -> None:
        """Note a look. With ``attribute``, only those count it who have not set that themselves."""
        if _silent.get():
            return
        apart = _deaf.get()
        new = [
            each
            for each in self.observations
            if _counts(each, name, attribute) and each not in apart
        ]
        if new:
            reader = nearest(sys._getframe(1))
            if not harmless(reader):
                line = place(reader)
                for each in new:
                    each.touched.setdefault(name, line)

    def foreign(self, attribute: str) -> bool:
        return any(attribute in each.foreign for each in self.observations)

    @property
    def csrf(self) -> Callable[[], str] | None:
        return next((each.csrf for each in self.observations if each.csrf), None)

    def foreigners(self, attributes: Iterable[str]) -> None:
        """These were there before, and have come to light only now."""
        names = frozenset(attributes)
        for each in self.observations:
            each.foreign |= names

    def set(self, attribute: str) -> None:
        for each in self.observations:
            each.foreign.discard(attribute)


def _counts(observation: Observation, name: str, attribute: str) -> bool:
    if name in observation.touched or name in observation.known:
        return False
    return not attribute or attribute in observation.foreign
