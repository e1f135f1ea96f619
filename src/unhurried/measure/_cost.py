"""What measuring costs, by its own measure, and the shedding of its dearest work."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Final

from ._errors import say_once

if TYPE_CHECKING:
    from ._record import SampledRecord

LIMIT: Final = 0.25  # of the wall; beyond it templates and CPU by part are no longer measured
WINDOW: Final = 64  # sampled units per judgement
SAMPLE_EVERY: Final = 16  # units of work: one in so many also splits CPU by part, and is weighed
COLD: Final = 3  # a call in a tight loop is about three times as fast as one between real work


class Cost:
    """Of the units this process measures into one store."""

    __slots__ = ("_own", "_seen", "_wall", "drain", "sample_every", "shedding")

    def __init__(self) -> None:
        self.shedding = False
        self.sample_every = SAMPLE_EVERY
        self.drain = 0  # nanoseconds a unit, of what is done for several at once
        self._own = self._wall = self._seen = 0

    def of(self, record: SampledRecord, finishing: int) -> int:
        """Nanoseconds a unit spent on being measured: beginning and finishing it, and its probes.

        ``finishing`` is CPU time: what a busy machine does meanwhile is not what measuring costs.

        Beginning does about half as much as finishing; probes are those of an unsampled record.
        """
        own = finishing + finishing // 2
        if record.probed:
            own += int(record.probed * _per_probe())
        own += self.drain if record.statements else 0
        self.judge(own, record.wall)
        return own

    def judge(self, own: int, wall: int) -> None:
        """Shed above the limit, take up again below half of it."""
        self._own, self._wall, self._seen = self._own + own, self._wall + wall, self._seen + 1
        if self._seen < WINDOW:
            return
        share = self._own / max(self._wall, 1)
        self._own = self._wall = self._seen = 0
        self.shedding = share > (LIMIT / 2 if self.shedding else LIMIT)
        self.sample_every = SAMPLE_EVERY**2 if self.shedding else SAMPLE_EVERY
        if self.shedding:
            say_once("Measuring is dear here: templates' time counts as the view's for a while.")


_probe: float | None = None


def _per_probe() -> float:
    """One enter or leave, in nanoseconds: about four readings of a clock; timed once."""
    global _probe
    if _probe is None:
        began = perf_counter_ns()
        for _ in range(100):
            perf_counter_ns()
        _probe = COLD * 4 * (perf_counter_ns() - began) / 100
    return _probe
