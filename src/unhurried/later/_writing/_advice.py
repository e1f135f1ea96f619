"""Whether deferring pays: said of each lane, from what it has measured of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from unhurried.measure import snapshot

ENOUGH: Final = 100  # calls, before anything is said


@dataclass(frozen=True, slots=True)
class LaneFigures:
    """What deferring has brought and cost in one lane, by all processes of this host."""

    lane: str
    calls: int = 0
    deferred: int = 0  # rows of the site's
    merged: int = 0  # of these: were written with another's write
    suppressed: int = 0  # were right already
    statements: int = 0  # that applied them
    call: float = 0.0  # seconds of a call, on average
    apply: float = 0.0  # seconds of a statement, on average

    @property
    def advice(self) -> str | None:
        """Why a plain guarded update would be cheaper; None where it is not, or not known."""
        written = self.deferred - self.merged - self.suppressed
        if self.calls < ENOUGH or not self.statements or 2 * written < self.deferred:
            return None
        calls_a_statement = self.calls / self.statements
        if calls_a_statement > 1.5 or self.call < self.apply:
            return None
        return (
            f"A plain guarded update would be cheaper: to write one down takes "
            f"{self.call * 1e3:.1f} ms, to apply one {self.apply * 1e3:.1f} ms, and few are merged "
            f"or left out. queryset.exclude(field=value).update(field=value)"
        )


def figures_of_lanes() -> dict[str, LaneFigures]:
    """By lane; nothing is asked of a database."""
    found = snapshot(statements=False)
    return of_instruments(found["counters"], found["timers"])


def of_instruments(
    counters: Mapping[str, int], timers: Mapping[str, Mapping[str, Any]]
) -> dict[str, LaneFigures]:
    """From counters and timers whose names begin with ``later.<lane>.``."""
    told: dict[str, dict[str, Any]] = {}
    for name, value in [*counters.items(), *timers.items()]:
        room, _, rest = name.partition(".")
        lane, _, what = rest.rpartition(".")
        if room == "later" and "." in lane:
            told.setdefault(lane, {})[what] = value
    return {lane: _figures(lane, values) for lane, values in told.items()}


def _figures(lane: str, values: Mapping[str, Any]) -> LaneFigures:
    call, apply = values.get("call"), values.get("apply")
    statements = values.get("statements", 0)
    return LaneFigures(
        lane,
        calls=call["count"] if call else 0,
        call=call["sum"] / call["count"] if call and call["count"] else 0.0,
        apply=apply["sum"] / statements if apply and statements else 0.0,
        **{name: values.get(name, 0) for name in ("deferred", "merged", "suppressed")},
        statements=statements,
    )
