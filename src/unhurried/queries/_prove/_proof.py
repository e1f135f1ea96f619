"""Verified means it ran: a remedy is tried out and the page compared.

"yes" is said only where the output is the same to the byte (but for what belongs to one answer
alone, see ``_bodies``), fewer queries were sent, and no more than twice the rows and bytes came
back. A page that differs from itself proves nothing, whatever a remedy does to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from .._edit import _diff
from .._edit._edits import NoEditError, unified
from .._find._counting import Queries, count_queries
from .._find._finding import N_PLUS_ONE, UNUSED, Finding
from .._find._origin import tracking
from .._find._trials import Injection
from . import _elsewhere
from ._bodies import difference, normalised
from ._fetches import Fetches, counted
from ._replay import Page, replay
from ._sandbox import sandbox

YES, NO, UNTRIED = "yes", "no", "untried"
TIMES: Final = 2  # so many times the rows and bytes are still the same work
AT_RANDOM: Final = re.compile(
    r"\b(?:RANDOM|RAND|RANDOMBLOB|NEWID|GEN_RANDOM_UUID|DBMS_RANDOM)\b", re.I
)


@dataclass(slots=True)
class Seen:
    """What a remedy is judged by, of one run."""

    body: bytes
    queries: int
    rows: int
    bytes: int
    writes: str = ""  # a digest of what was written
    state: str = ""  # a digest of what the tables written to hold then
    unread: str = ""  # why ``state`` does not know that of one of them
    at_random: bool = False
    status: int = 200
    seconds: float | None = None  # of the page, where it was timed
    #: SQL -> how often, to say what is asked more than before
    asked: dict[str, int] = field(default_factory=dict)


#: Seconds that the page takes with these remedies.
Time = Callable[[tuple[Injection, ...]], float]
Run = Callable[[tuple[Injection, ...]], Seen]
#: With these files changed; raises ``_elsewhere.UntriedError``.
Again = Callable[[dict[str, str]], Seen]


def prove(run: Callable[[], str | bytes], findings: Iterable[Finding]) -> list[Finding]:
    """Try out each finding's remedy on ``run``, a callable that does the same each time.

    Sets ``verified``, ``why``, ``queries_after`` and ``diff`` of each, and returns them. What
    ``run`` writes is rolled back, what it sends held back. A remedy of two places is not tried:
    it needs another process, which has only a URL to ask.
    """
    findings = list(findings)

    def once(injections: tuple[Injection, ...]) -> Seen:
        with sandbox():
            with counted() as fetches, count_queries() as queries, tracking(*injections):
                output = run()
            state = fetches.state()
        body = output.encode() if isinstance(output, str) else output
        return _seen(normalised(body), queries, fetches, state)

    return Proof(once, _not_here).of(findings)


def prove_url(
    url: str, user: str | None, findings: Iterable[Finding], time: Time | None = None
) -> list[Finding]:
    """The same for a page: each remedy is tried out on a GET of ``url`` as ``user``.

    ``time`` measures the page with remedies in it, for ``seconds_after``. What has a diff is also
    run with the diff applied, all together, in another process.
    """

    def once(injections: tuple[Injection, ...]) -> Seen:
        return seen_of(replay(url, user, injections))

    def again(files: dict[str, str]) -> Seen:
        return Seen(**_elsewhere.ask(url, user, files))

    return Proof(once, again, time).of(list(findings))


def applied(
    url: str, user: str | None, proven: list[Finding], time: Time
) -> tuple[int, float | None]:
    """(queries, seconds) of the page with all of these remedies at once."""
    plans = [_diff.plan(finding) for finding in proven]
    injections = tuple(injection for plan in plans for injection in plan.injections)
    if not all(plan.injections for plan in plans):
        try:
            seen = Seen(**_elsewhere.ask(url, user, _diff.files(plans)))
            return seen.queries, seen.seconds
        except (_elsewhere.UntriedError, NoEditError):
            pass  # those that can be injected, then
    return replay(url, user, injections).queries.total, time(injections)


def _not_here(files: dict[str, str]) -> Seen:
    raise _elsewhere.UntriedError("a remedy of two places is tried out by diagnose --url alone")


def seen_of(page: Page) -> Seen:
    seen = _seen(page.body, page.queries, page.fetches, page.state)
    seen.status = page.status
    return seen


def _seen(body: bytes, queries: Queries, fetches: Fetches, state: str) -> Seen:
    statements = queries.statements
    return Seen(
        body=body,
        queries=queries.total,
        rows=fetches.rows,
        bytes=fetches.bytes,
        writes=fetches.digest,
        state=state,
        unread=fetches.unread,
        at_random=any(AT_RANDOM.search(statement.sql) for statement in statements),
        asked={statement.sql: statement.count for statement in statements},
    )


class Proof:
    """One page, the same before each remedy."""

    def __init__(self, run: Run, again: Again, time: Time | None = None) -> None:
        self.run = run
        self.again = again
        self.time = time
        self.before: Seen | None = None

    def of(self, findings: list[Finding]) -> list[Finding]:
        unstable = self._look()
        plans: dict[int, _diff.Plan] = {}
        for finding in findings:
            self._plan(finding, plans)
            if unstable:
                _say(finding, NO, unstable)
            elif id(finding) in plans:
                self._try(finding, plans[id(finding)])
        self._together([f for f in findings if f.verified == YES], plans)
        self._as_edited([f for f in findings if f.verified == YES and f.diff], plans)
        return findings

    def _look(self) -> str:
        """Ask the unchanged page; why nothing can be proven of it, or an empty string."""
        self.run(())  # caches of a process's life are filled: content types, templates, the site
        before, again = self.run(()), self.run(())
        self.before = before
        if before.body != again.body:
            return f"the page differs from itself: {difference(before.body, again.body)}"
        if before.queries != again.queries:
            return f"the unchanged page sends {before.queries} queries, then {again.queries}"
        if (before.writes, before.state) != (again.writes, again.state):
            return "the unchanged page writes something else each time"
        return "its rows come in an order by chance" if before.at_random else ""

    def _plan(self, finding: Finding, plans: dict[int, _diff.Plan]) -> None:
        finding.diff = ""
        try:
            plans[id(finding)] = plan = _diff.plan(finding)
            finding.diff = unified(_diff.edits_of([plan]))
        except NoEditError as error:
            _say(finding, UNTRIED, str(error))

    def _try(self, finding: Finding, plan: _diff.Plan) -> None:
        if plan.injections:
            after = self._injected(finding, plan.injections)
        elif finding.diff:
            after = self._edited(finding, [plan])
        else:
            return
        if after is not None:
            self._judge(finding, after)
            if finding.verified == YES and plan.injections and self.time is not None:
                finding.seconds_after = self.time(plan.injections)

    def _injected(self, finding: Finding, injections: tuple[Injection, ...]) -> Seen | None:
        try:
            return self.run(injections)
        except Exception as error:  # boundary: the code was not written for this remedy
            _say(finding, NO, f"with it the page raises {type(error).__name__}: {error}"[:300])
        return None

    def _edited(self, finding: Finding, plans: list[_diff.Plan]) -> Seen | None:
        try:
            return self.again(_diff.files(plans))
        except (_elsewhere.UntriedError, NoEditError) as error:
            _say(finding, UNTRIED, str(error))
        return None

    def _judge(self, finding: Finding, after: Seen) -> None:
        assert self.before is not None
        finding.queries_after, finding.seconds_after = after.queries, after.seconds
        written = finding.group is not None and finding.group.verb is not None
        why = complaint(self.before, after, fewer=finding.kind != UNUSED, written=written)
        unread = self.before.unread or after.unread
        if written and unread and not why:  # of other remedies the statements that write are equal
            return _say(finding, UNTRIED, unread)
        kept = "" if finding.diff else finding.why  # why there is no diff
        _say(finding, NO if why else YES, why or kept)

    def _together(self, proven: list[Finding], plans: dict[int, _diff.Plan]) -> None:
        """People apply all at once: those that hold alone must hold together."""
        kept: list[Finding] = []
        injected = [f for f in proven if plans[id(f)].injections]
        if len(injected) < 2 or self._holds(injected, plans):
            return
        for finding in injected:
            if self._holds([*kept, finding], plans):
                kept.append(finding)
            else:
                _say(finding, NO, "it holds alone, but not together with the remedies above")

    def _as_edited(self, proven: list[Finding], plans: dict[int, _diff.Plan]) -> None:
        """What was proven by injection must hold as it is written, too."""
        todo = [proven] if len(proven) < 2 else [proven, *([f] for f in proven)]
        for findings in todo:
            try:
                why = self._complaint_edited(findings, plans)
            except (_elsewhere.UntriedError, NoEditError):
                return  # there is no other process to try it in, or two edits meet
            if why and len(findings) == 1:
                _say(findings[0], NO, f"as it is written, {why}")
            elif not why and len(findings) > 1:
                return

    def _complaint_edited(self, findings: list[Finding], plans: dict[int, _diff.Plan]) -> str:
        assert self.before is not None
        if not findings:
            return ""
        fewer = any(finding.kind == N_PLUS_ONE for finding in findings)
        written = any(f.group is not None and f.group.verb is not None for f in findings)
        after = self.again(_diff.files([plans[id(f)] for f in findings]))
        return complaint(self.before, after, fewer=fewer, written=written)

    def _holds(self, findings: list[Finding], plans: dict[int, _diff.Plan]) -> bool:
        assert self.before is not None
        injections = tuple(i for f in findings for i in plans[id(f)].injections)
        fewer = any(finding.kind == N_PLUS_ONE for finding in findings)
        try:
            after = self.run(injections)
        except Exception:  # boundary: as in ``_injected``
            return False
        return not complaint(self.before, after, fewer=fewer)


def _say(finding: Finding, verified: str, why: str) -> None:
    finding.verified, finding.why = verified, why


def complaint(before: Seen, after: Seen, *, fewer: bool = True, written: bool = False) -> str:
    """Why ``after`` is no proof, in plain words; empty if it is.

    ``written``: the remedy is one of writes, which may be others as long as they leave the same.
    """
    if after.status != before.status:
        return f"the page would answer {after.status} instead of {before.status}"
    if after.body != before.body:
        return f"the page would differ: {difference(before.body, after.body)}"
    if after.state != before.state or (not written and after.writes != before.writes):
        return "it would write something else"
    if after.queries > before.queries:
        return f"it sends {after.queries} queries instead of {before.queries}"
    if fewer and after.queries == before.queries:
        return f"it sends the same number of queries, {after.queries}"
    if not fewer and after.queries == before.queries and after.bytes >= before.bytes:
        return "it fetches no less"
    for unit in ("rows", "bytes"):
        was, now = getattr(before, unit), getattr(after, unit)
        if now > TIMES * was:
            return (
                f"it fetches {now / max(was, 1):.1f} times the {unit}: {now:,} instead of {was:,}"
            )
    return ""
