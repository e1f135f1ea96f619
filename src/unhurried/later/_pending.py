"""What has been asked for and not yet begun: once per lane, however often it was asked for."""

from __future__ import annotations

import threading
import time
from typing import Final

PATIENCE: Final = 2.0  # seconds that a broker has for taking a kick; then it counts as dead
PAUSE: Final = 0.05  # seconds between two kicks of a lane to a broker, and between two drains here


class Pending:
    """Lanes, each with the moment from which this process drains it, if no broker has taken it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due: dict[str, float] = {}  # monotonic seconds
        self._outbox: dict[str, str] = {}  # lane -> label: waits for the broker's thread
        self._handed: set[str] = set()  # those whose moment is the broker's deadline
        self._drained: dict[str, float] = {}

    def lanes(self) -> list[str]:
        with self._lock:
            return list(self._due)

    def here(self, lane: str) -> bool:
        """To be drained by this process at once; False if that stood already."""
        now = time.monotonic()
        with self._lock:
            merged = lane in self._due and lane not in self._handed
            self._due[lane] = min(self._due.get(lane, now), now)
            self._handed.discard(lane)
        return not merged

    def hand(self, lane: str, label: str) -> bool:
        """To be handed to the broker, even if it is about to be drained here: it may be a probe.

        False if that stood already.
        """
        with self._lock:
            merged = lane in self._outbox
            self._outbox.setdefault(lane, label)
            if lane not in self._due:
                self._due[lane] = time.monotonic() + PATIENCE
                self._handed.add(lane)
        return not merged

    def take(self) -> list[tuple[str, str]]:
        """Empty the outbox: (lane, label) of each. It may be asked for anew from here on."""
        with self._lock:
            taken = list(self._outbox.items())
            self._outbox.clear()
        return taken

    def taken(self, lane: str) -> None:
        """The broker has it. What was asked for meanwhile has its own deadline."""
        with self._lock:
            if lane not in self._handed:
                return
            if lane in self._outbox:
                self._due[lane] = time.monotonic() + PATIENCE
            else:
                self._handed.discard(lane)
                del self._due[lane]

    def next_here(self) -> tuple[str, bool] | None:
        """A lane to be drained now, and whether a broker has let it wait too long."""
        now = time.monotonic()
        with self._lock:
            lane = next((lane for lane in self._due if self._moment(lane) <= now), None)
            return None if lane is None else self._begin(lane, now)

    def pop(self) -> str | None:
        """Any lane, whatever its moment."""
        with self._lock:
            lane = next(iter(self._due), None)
            return None if lane is None else self._begin(lane, time.monotonic())[0]

    def _begin(self, lane: str, now: float) -> tuple[str, bool]:
        """Out before it is drained: who asks from here on may have come too late for this once."""
        overdue = lane in self._handed
        del self._due[lane]
        if overdue:
            self._handed.discard(lane)
            self._outbox.pop(lane, None)
        self._drained[lane] = now
        return lane, overdue

    def _moment(self, lane: str) -> float:
        return max(self._due[lane], self._drained.get(lane, float("-inf")) + PAUSE)

    def wait(self) -> float | None:
        """Seconds until ``next_here`` has one; None if there is none."""
        with self._lock:
            moment = min(map(self._moment, self._due), default=None)
        return None if moment is None else max(moment - time.monotonic(), 0.0)
