"""What measuring costs, by its own measure, and the shedding of its dearest work."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ._record import SampledRecord

LIMIT: Final = 0.10  # of the wall; beyond it templates and CPU by part are no longer measured
WINDOW: Final = 64  # sampled units per judgement
COLD: Final = 3  # a call in a tight loop is about three times as fast as one between real work

SAMPLE_EVERY: Final = 16  # units of work

shedding = False
#: One unit in so many also splits CPU by part and is weighed.
sample_every = SAMPLE_EVERY
_calls: float | None = None
_own = _wall = _seen = 0


def of(record: SampledRecord, finishing: int) -> int:
    """Nanoseconds a unit spent on being measured: beginning and finishing it, and its probes.

    Beginning does about as much as finishing. Probes are those of an unsampled record.
    """
    cost = 2 * finishing + int(record.probed * _per_call() / 2)
    _judge(cost, record.wall)
    return cost


def _judge(own: int, wall: int) -> None:
    global shedding, sample_every, _own, _wall, _seen
    _own, _wall, _seen = _own + own, _wall + wall, _seen + 1
    if _seen >= WINDOW:
        shedding = _own > (LIMIT / 2 if shedding else LIMIT) * _wall
        sample_every = SAMPLE_EVERY**2 if shedding else SAMPLE_EVERY
        _own = _wall = _seen = 0


def _per_call() -> float:
    """One enter and leave, in nanoseconds; timed once per process."""
    global _calls
    if _calls is None:
        began = perf_counter_ns()
        for _ in range(100):
            perf_counter_ns()
        _calls = COLD * 8 * (perf_counter_ns() - began) / 100
    return _calls
