"""What one edge has yet to be told, and when."""

from __future__ import annotations

from math import ceil
from typing import Final

from ._surrogate_keys import ALL, key

STEP: Final = 0.25  # seconds: what is due within one goes together
MOST: Final = 5000  # names that wait; where there are more, all of ours goes
LONGEST: Final = 60.0  # seconds between two tries
FIRST: Final = 0.25


class Waiting:
    """Names by moment (monotonic seconds); nothing is sent before ``not_before``."""

    def __init__(self) -> None:
        self._due: dict[float, set[str]] = {}
        self.failures = 0
        self.not_before = 0.0

    @property
    def keys(self) -> set[str]:
        return set().union(*self._due.values())

    @property
    def next(self) -> float | None:
        """The next moment; None if nothing waits."""
        return max(min(self._due), self.not_before) if self._due else None

    def add(self, keys: set[str], now: float, after: float = 0.0) -> None:
        """At once, or a little later than ``after`` seconds; earlier would be for nothing."""
        moment = ceil((now + after) / STEP) * STEP if after else now
        self._due.setdefault(moment, set()).update(keys)
        if sum(map(len, self._due.values())) > MOST:
            self._due = {place: {key(ALL)} for place in self._due}

    def take(self, now: float) -> set[str]:
        if now < self.not_before:
            return set()
        due = [moment for moment in self._due if moment <= now]
        return set().union(*(self._due.pop(moment) for moment in due))

    def failed(self, keys: set[str], now: float) -> None:
        self.not_before = now + min(FIRST * 2**self.failures, LONGEST)
        self.failures = min(self.failures + 1, 20)
        self._due.setdefault(now, set()).update(keys)

    def hurry(self) -> None:
        """Everything is due, and what was refused may be tried."""
        self._due = {0.0: self.keys} if self._due else {}
        self.not_before = 0.0
