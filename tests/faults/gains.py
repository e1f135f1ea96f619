"""What a remedy gains: the same visits before it and after it, and what the verdict promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unhurried.diagnose._verdict import OWN_BUGS

from . import score
from .catalogue import Fault
from .play import Outcome, undisturbed
from .rig import Rig


@dataclass(frozen=True)
class Remedy:
    """The page visited before, the one after, and how a finding is known to promise this.

    By a word of its remedy, and then the most that one finding promises; without, all loops of
    queries are remedied at once, and what they promise is added up.
    """

    before: str
    after: str
    word: str = ""

    def promised(self, findings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Those findings that promise this, the greatest gain first."""
        found = [finding for finding in findings if finding["gain"] and self._is_of(finding)]
        return sorted(found, key=lambda finding: -finding["gain"])[: 1 if self.word else None]

    def _is_of(self, finding: Mapping[str, Any]) -> bool:
        if not self.word:
            return bool(finding["cause"] == OWN_BUGS)
        return any(self.word in line for line in [*finding["remedy"], finding["advice"]])


@dataclass(frozen=True)
class Gain:
    """Users' seconds per request ``before`` and ``after``, and the findings that promised it.

    ``said``: the verdict before. ``others``: cores that others needed, the worse of both.
    """

    before: float
    after: float
    findings: list[Mapping[str, Any]]
    said: list[str]
    others: float

    @property
    def had(self) -> float:
        return self.before - self.after

    @property
    def promised(self) -> float | None:
        """None where nothing was."""
        return sum(finding["gain"] for finding in self.findings) if self.findings else None


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
    "feed, kept": Remedy("fixed feed", "fast feed", "cached_page"),
    "tag, kept": Remedy("fixed tag", "fast tag", "cached_page"),
    "user, kept": Remedy("fixed user", "fast user", "cached_page"),
    "books, kept": Remedy("fixed books", "fast books", "cached_page"),
    "pin, kept": Remedy("fixed pin", "fast pin", "cached_page"),
    "messages, later": Remedy("fixed messages", "fast messages", "later("),
    "with, indexed": Remedy("fixed with", "fast with", "ndex"),
    "catalogue, rows": Remedy("fixed catalogue", "fast catalogue", "rows("),
    "api, json_bytes": Remedy("fixed api", "fast api", "json_bytes"),
}


def measured(rig: Rig, remedy: Remedy, *, keep: Path | None = None, **how: Any) -> Gain:
    """Both sides, one after the other, with the same visitors; ``how``: as of ``undisturbed``."""
    before, after = (
        undisturbed(rig, _only(page), {}, keep=keep and keep / page, **how)
        for page in (remedy.before, remedy.after)
    )
    return Gain(
        _each(before),
        _each(after),
        remedy.promised(before.findings),
        score.said_of(before),
        max(before.others.cores, after.others.cores),
    )


def _only(page: str) -> Fault:
    # Few enough that neither side waits for processors: that gain is nobody's promise.
    return Fault(page, healthy={page: 1}, visitors=2)


def _each(outcome: Outcome) -> float:
    return outcome.seen.time / len(outcome.seen.all)
