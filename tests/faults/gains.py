"""What a remedy gains: the same visits before it and after it, and what the verdict promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from . import plants, score
from .catalogue import Fault, connects, healthy, threads
from .play import Outcome, undisturbed
from .rig import Rig


@dataclass(frozen=True)
class Remedy:
    """What is visited before and after it, a page or a fault, and how a finding promises this.

    By a word of its remedy, and then the most that one finding promises; without, all loops of
    queries are remedied at once, and what they promise is added up.
    """

    before: str | Fault
    after: str | Fault
    word: str = ""

    def promised(self, findings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Those findings that promise this, the greatest gain first."""
        found = [finding for finding in findings if finding["gain"] and self._is_of(finding)]
        return sorted(found, key=lambda finding: -finding["gain"])[: 1 if self.word else None]

    def _is_of(self, finding: Mapping[str, Any]) -> bool:
        if not self.word:
            return str(finding["key"]).startswith("loop:")
        return any(self.word in line for line in [*finding["remedy"], finding["advice"]])


@dataclass(frozen=True)
class Gain:
    """Users' seconds per request ``before`` and ``after``, and what was ``promised``: medians.

    ``promised`` is None where nothing was. ``findings``, ``said``: of the last verdict before.
    ``others``: cores that others needed, at most. ``spread``: the longest ``before`` of a round, as
    a multiple of the shortest.
    """

    before: float
    after: float
    promised: float | None
    findings: list[Mapping[str, Any]]
    said: list[str]
    others: float
    spread: float

    @property
    def had(self) -> float:
        return self.before - self.after


WORTH = ("--worth", "2")  # ms
WARM = 2.0  # seconds, until both processes have what they keep
#: From slow to fixed queries; and what each other remedy makes of a page, by itself.
REMEDIES = {
    "feed, joined": Remedy("slow feed", "fixed feed"),
    "tag, joined": Remedy("slow tag", "fixed tag"),
    "user, prefetched": Remedy("slow user", "fixed user"),
    "books, joined": Remedy("slow books", "fixed books"),
    "pin, prefetched": Remedy("slow pin", "fixed pin"),
    "messages, joined": Remedy("slow messages", "fixed messages"),
    "inventory, summed": Remedy("slow inventory", "fixed inventory"),
    "feed, kept": Remedy("fixed feed", "fast feed", "cached_page"),
    "books, kept": Remedy("fixed books", "fast books", "cached_page"),
    "messages, later": Remedy("fixed messages", "messages, later", "later("),
    "with, indexed": Remedy("fixed with", "with, indexed", "index"),
    "search, indexed": Remedy(
        "search",
        Fault("indexed", healthy={"search": 1}, around=(plants.trigrams,), visitors=2),
        "index",
    ),
    "api, json_bytes": Remedy("fixed api", "api, json_bytes", "json_bytes"),
    "more threads": Remedy(threads, replace(threads, around=(plants.workers(2, 4),)), "gunicorn"),
    "CONN_MAX_AGE": Remedy(connects, healthy, "CONN_MAX_AGE"),
    "import, copied": Remedy("slow import", "fast import"),  # last: it adds books
}


def measured(
    rig: Rig, remedy: Remedy, *, rounds: int = 1, keep: Path | None = None, **how: Any
) -> Gain:
    """Both sides in turn, with the same visitors; ``how``: as of ``undisturbed``.

    Of pages that few would call slow, too, it is asked what would be gained.
    """
    sides = [_side(remedy.before), _side(remedy.after)]
    how |= {"options": WORTH, "warm": True}
    played = [
        [undisturbed(rig, side, {}, keep=keep and keep / side.name, **how) for side in sides]
        for _ in range(rounds)
    ]
    befores = [_each(before) for before, _ in played]
    found = [remedy.promised(before.findings) for before, _ in played]
    gains = [sum(finding["gain"] for finding in each) for each in found]
    return Gain(
        median(befores),
        median(_each(after) for _, after in played),
        median(gains) or None,
        found[-1],
        score.said_of(played[-1][0]),
        max(outcome.others.cores for pair in played for outcome in pair),
        max(befores) / min(befores),
    )


def _side(side: str | Fault) -> Fault:
    if isinstance(side, Fault):
        return side
    # Few enough that neither side waits for processors: that gain is nobody's promise.
    return Fault(side, healthy={side: 1}, visitors=2)


def _each(outcome: Outcome) -> float:
    answers = outcome.seen.answers
    began = min(answer.at for answer in answers)
    took = [answer.took for answer in answers if answer.at >= began + WARM]
    return sum(took) / len(took)
