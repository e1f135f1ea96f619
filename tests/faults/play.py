"""One run of one fault, from its means to what was said of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .catalogue import Fault
from .machine import Others, watched
from .rig import Rig, Stage
from .truths import Seen

LEAST = 80  # requests of a run: a verdict wants some


@dataclass(frozen=True)
class Outcome:
    """What a run was, and what the verdict says of it; a text where it says nothing."""

    fault: Fault
    seen: Seen
    truth: dict[str, float]
    verdict: dict[str, Any] | str
    others: Others = field(default_factory=Others)
    took: float = 0.0

    @property
    def findings(self) -> list[dict[str, Any]]:
        return [] if isinstance(self.verdict, str) else list(self.verdict.get("findings") or [])

    @property
    def first(self) -> str:
        """The cause named first; without, the verdict's state."""
        if self.findings:
            return str(self.findings[0]["cause"])
        return "no verdict" if isinstance(self.verdict, str) else str(self.verdict.get("state"))

    @property
    def right(self) -> bool:
        """The first finding is one of the causes, and the others are among the findings."""
        if not self.fault.causes:
            return self.first == "fine"
        named = {finding["cause"] for finding in self.findings}
        return self.first in self.fault.causes and named.issuperset(self.fault.causes)

    @property
    def said(self) -> dict[str, float]:
        """Each true cause's share, by the first finding that names it; none that was not found."""
        found: dict[str, float] = {}
        for finding in self.findings:
            if finding["cause"] in self.truth:
                found.setdefault(finding["cause"], float(finding["share"]))
        return found

    @property
    def misses(self) -> dict[str, float]:
        """How far each share that was said is from the truth."""
        return {cause: abs(share - self.truth[cause]) for cause, share in self.said.items()}


def play(
    rig: Rig,
    fault: Fault,
    healthy: Mapping[str, float],
    *,
    seconds: float = 6.0,
    seed: int = 1,
    keep: Path | None = None,
    options: Sequence[str] = (),
    warm: bool = False,
) -> Outcome:
    """``healthy``: seconds of each page in healthy runs, from ``truths.means``.

    ``warm``: each worker has seen each page before anything is measured.
    """
    stage, began = rig.stage(seconds), time.monotonic()
    if warm:
        stage.environment |= rig.warming(fault.all_pages)
    stage.seen.healthy, stage.seen.seconds = healthy, seconds
    with ExitStack() as around:
        for means in fault.around:
            around.enter_context(means(stage))
        around.enter_context(rig.serving(stage))
        with watched() as others:
            _visit(rig, stage, fault, seed)
        verdict = rig.verdict(stage, options)
        if keep:
            rig.keep(stage, keep)
    # Some means know what they did only once they are over.
    truth = {cause: known(stage.seen) for cause, known in fault.truth.items()}
    return Outcome(fault, stage.seen, truth, verdict, others, time.monotonic() - began)


def _visit(rig: Rig, stage: Stage, fault: Fault, seed: int) -> None:
    crowd = rig.crowd(stage, fault.all_pages, fault.think, fault.visitors, seed)
    with ExitStack() as beside:
        for means in fault.beside:
            beside.enter_context(means(stage))
        with crowd.visiting(stage.seconds, LEAST):
            pass
    stage.seen.answers, stage.seen.told = crowd.answers, crowd.told
    stage.seen.unanswered = crowd.unanswered


def undisturbed(
    rig: Rig, fault: Fault, healthy: Mapping[str, float], *, tries: int = 3, **how: Any
) -> Outcome:
    """``play``, and again where others needed the processors; then that with the fewest of them."""
    played = []
    for _ in range(tries):
        played.append(play(rig, fault, healthy, **how))
        if not played[-1].others.disturb:
            return played[-1]
    return min(played, key=lambda outcome: outcome.others.cores)
