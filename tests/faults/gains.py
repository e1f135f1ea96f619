"""What a remedy gains: the same visits before it and after it, and what the verdict promised."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .catalogue import Fault
from .play import Outcome, undisturbed
from .rig import Rig


@dataclass(frozen=True)
class Remedy:
    """The page visited before, and the one after."""

    before: str
    after: str


@dataclass(frozen=True)
class Gain:
    """Seconds per request: users' time ``before`` and ``after``, and what was ``promised``.

    ``title`` of the finding that promised it, or why there was none. ``others``: cores that others
    needed, the worse of both.
    """

    before: float
    after: float
    promised: float | None
    title: str
    others: float

    @property
    def had(self) -> float:
        return self.before - self.after


#: By page: from slow to fixed queries, and from those to what rule 2, 3 or 5 makes of them.
REMEDIES = {
    "feed, joined": Remedy("slow feed", "fixed feed"),
    "tag, joined": Remedy("slow tag", "fixed tag"),
    "user, prefetched": Remedy("slow user", "fixed user"),
    "books, joined": Remedy("slow books", "fixed books"),
    "pin, prefetched": Remedy("slow pin", "fixed pin"),
    "messages, joined": Remedy("slow messages", "fixed messages"),
    "with, asked for": Remedy("slow with", "fixed with"),
    "inventory, summed": Remedy("slow inventory", "fixed inventory"),
    "feed, kept": Remedy("fixed feed", "fast feed"),
    "tag, kept": Remedy("fixed tag", "fast tag"),
    "user, kept": Remedy("fixed user", "fast user"),
    "books, kept": Remedy("fixed books", "fast books"),
    "pin, kept": Remedy("fixed pin", "fast pin"),
    "messages, later": Remedy("fixed messages", "fast messages"),
    "with, indexed": Remedy("fixed with", "fast with"),
    "catalogue, rows": Remedy("fixed catalogue", "fast catalogue"),
    "api, json_bytes": Remedy("fixed api", "fast api"),
}


def measured(rig: Rig, remedy: Remedy, *, seconds: float = 6.0, keep: Path | None = None) -> Gain:
    """Both sides, one after the other, with the same think time."""
    sides = []
    for page in (remedy.before, remedy.after):
        sides.append(undisturbed(rig, _only(page), {}, seconds=seconds, keep=keep and keep / page))
    before, after = (outcome.seen.time / len(outcome.seen.all) for outcome in sides)
    promised, title = _promised(sides[0])
    return Gain(before, after, promised, title, max(side.others.cores for side in sides))


def _only(page: str) -> Fault:
    return Fault(page, healthy={page: 1})


def _promised(before: Outcome) -> tuple[float | None, str]:
    """By the first finding that promises a gain: with one page, there is one thing to do first."""
    for finding in before.findings:
        if finding["gain"] is not None:
            return float(finding["gain"]), f"{finding['cause']}: {finding['title']}"
    return None, before.first
