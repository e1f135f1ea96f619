"""A circuit breaker: what has just failed is not tried again at once (Nygard, *Release It!*)."""

from __future__ import annotations

import threading
import time
from typing import Final

FIRST: Final = 1.0  # seconds that it stays open after a failure, doubled by each one that follows
LONGEST: Final = 60.0


class Breaker:
    """Closed: all may try. Open: nobody but one, whenever a pause is over; the outcome decides.

    Whoever probes need not tell that it failed: the next, longer pause begins with the probe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pause = 0.0  # seconds, 0 while closed
        self._until = 0.0  # monotonic: from here on one may probe

    @property
    def state(self) -> str:
        return "open" if self._pause else "closed"

    def allows(self) -> bool:
        """Whether to try now."""
        if not self._pause:
            return True
        with self._lock:
            if time.monotonic() < self._until:
                return False
            self._open(self._pause * 2)
            return True

    def succeeded(self) -> None:
        with self._lock:
            self._pause = 0.0

    def failed(self) -> None:
        """Open. Several failures at once are one, and a probe's has been reckoned with."""
        with self._lock:
            if not self._pause:
                self._open(FIRST)

    def _open(self, pause: float) -> None:
        self._pause = min(pause, LONGEST)
        self._until = time.monotonic() + self._pause
