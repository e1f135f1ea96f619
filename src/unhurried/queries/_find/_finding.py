"""What a person is told: one finding, one line of the project to look at, one remedy."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final

from ._groups import Group
from ._origin import Origin
from ._trials import Injection

N_PLUS_ONE: Final = "n+1"
DUPLICATE: Final = "duplicate"
UNUSED: Final = "unused eager load"


@dataclass(slots=True)
class Finding:
    """One thing to change.

    ``kind`` is "n+1", "duplicate" or "unused eager load". ``relation`` is the model whose instance
    is read and the attribute ("books.Book.author"), None where no relation is (get, save, create,
    count, exists, raw). ``path`` is what to write at ``origin`` ("author__country"). ``loop`` is
    the innermost line of the project ("feed.html:12", "pins/views.py:31"), ``through`` the lines
    around it, ``origin`` where the queryset was made: None if not known, never a wrong line.
    ``count`` queries read ``instances`` instances in ``seconds``. ``remedy`` is code, or says that
    there is no mechanical one; ``diff`` is a unified diff that ``git apply`` takes, or empty.
    ``verified`` is "yes" only where the remedy ran and gave the same output with fewer queries
    (``queries_after``; ``seconds_after`` where the page was timed), else "no" or "untried", with
    ``why``.
    """

    kind: str
    relation: str | None
    path: str | None
    loop: str
    through: tuple[str, ...]
    origin: str | None
    count: int
    instances: int
    remedy: str
    fixable: bool
    alias: str
    fingerprint: str
    seconds: float
    diff: str = ""
    verified: str = "untried"
    why: str = ""
    queries_after: int | None = None
    seconds_after: float | None = None
    injection: Injection | None = field(default=None, repr=False)
    source: Origin | None = field(default=None, repr=False)
    group: Group | None = field(default=None, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """The public fields, JSON-able."""
        public = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _INTERNAL}
        return {**public, "through": list(self.through)}

    def __str__(self) -> str:
        return f"{_said(self)}; {self.remedy}{_badge(self)}"


_INTERNAL: Final = ("injection", "source", "group")


def _said(finding: Finding) -> str:
    what = finding.relation or finding.fingerprint[:80]
    made = f", made at {finding.origin}" if finding.origin else ""
    if finding.kind == UNUSED:
        return f"{finding.relation} is loaded ahead for {finding.instances} and never read{made}"
    if finding.kind == DUPLICATE:
        return f"{finding.count} times the same query at {finding.loop}: {what}{made}"
    each = f" on {finding.instances} instances" if finding.relation else ""
    return f"{finding.count} queries at {finding.loop} for {what}{each}{made}"


def _badge(finding: Finding) -> str:
    if finding.verified == "yes":
        return " [VERIFIED]"
    return f" [{finding.why}]" if finding.verified == "no" and finding.why else ""
