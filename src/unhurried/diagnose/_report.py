"""What is known of one page after it was looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from unhurried.cache.reading import Verdict
from unhurried.queries.reading import Finding


class DiagnoseError(Exception):
    """The page cannot be looked at; the message says why, and the way out."""


@dataclass(slots=True)
class Report:
    """One page, asked some times over. Times in seconds, of the median of three replays.

    ``parts`` add up to ``seconds``: "database", "templates", "python", "cache", "http". Of the
    database's, ``floor`` is the round trips alone: as many as there were queries, each as long as
    the shortest seen. ``diff`` is of all verified remedies together, as ``git apply`` takes it;
    with them ``queries_after`` and ``seconds_after``. ``notes`` say what was held back. ``verdict``
    is what of the page is for everybody, as one run of it was observed; None of what is no page.
    ``unplaced`` of the queries are one statement, for which library code alone has asked.
    """

    url: str
    user: str | None
    route: str
    status: int
    seconds: float
    parts: dict[str, float]
    floor: float
    queries: int
    findings: list[Finding]
    diff: str = ""
    queries_after: int | None = None
    seconds_after: float | None = None
    notes: list[str] = field(default_factory=list)
    verdict: Verdict | None = None
    unplaced: int = 0

    def as_dict(self) -> dict[str, Any]:
        """All of it, JSON-able."""
        found = {name: getattr(self, name) for name in self.__slots__}
        found["findings"] = [finding.as_dict() for finding in self.findings]
        found["verdict"] = self.verdict.as_dict() if self.verdict is not None else None
        return found
