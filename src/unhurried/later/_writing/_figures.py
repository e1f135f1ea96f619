"""What deferring has brought and cost, lane by lane, in the site's own measurements."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from unhurried.measure import counter, timer

from ._merge import Step


class Figures:
    """The instruments of one lane."""

    def __init__(self, lane: str) -> None:
        self._deferred = counter(f"later.{lane}.deferred")
        self._merged = counter(f"later.{lane}.merged")
        self._suppressed = counter(f"later.{lane}.suppressed")
        self._statements = counter(f"later.{lane}.statements")
        self._call = timer(f"later.{lane}.call")
        self._apply = timer(f"later.{lane}.apply")

    def deferred(self, rows: int, seconds: float) -> None:
        """So many of the site's rows were written down, which took so long."""
        self._deferred.increment(rows)
        self._call.update(seconds)

    def suppressed(self, rows: int) -> None:
        """They stand there already."""
        if rows:
            self._suppressed.increment(rows)

    def applied(self, asked: int, steps: Sequence[Step], changed: int, seconds: float) -> None:
        """So many rows were asked for, once or several times, and ``changed`` had to be."""
        wanted = sum(len(step.pks) or len(step.rows) for step in steps)
        self._merged.increment(max(asked - wanted, 0))
        self.suppressed(max(wanted - changed, 0) if _alone(steps) else 0)
        self._statements.increment(len(steps))
        self._apply.update(seconds)


def _alone(steps: Sequence[Step]) -> bool:
    """Whether a row that did not change was right already, or gone: others change by cascades."""
    return all(step.kind == "update" for step in steps)


@cache
def figures(lane: str) -> Figures:
    return Figures(lane)
