"""``query_budget`` and ``no_queries``: how many queries a piece of code may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.db import connections

from .._find._counting import Queries, counting
from .._find._finding import Finding
from .._find._origin import origin_of
from . import _enforcing, _gate
from ._blocks import RAISE, REPORT, Block, Nothing, Watch, mode
from ._gate import Asking
from ._listing import asked, listed, queries
from ._refusals import QueryBudgetExceeded, QueryRefused

WAY_OUT = "Change what the findings name, allow what has to be (allow_queries), or raise the budget"


class query_budget(Block):  # noqa: N801 - used as a function is
    """At most ``n`` queries, of the database ``using`` alone if it is given::

        @query_budget(12)
        def feed(request): ...

        with query_budget(3):
            books = list(latest_books())

    Of a view also what its response asks for while it is rendered or streamed. More raise
    ``QueryBudgetExceeded``, at the end, unless something else was raised. In production (a unit of
    work under way, no STRICT) nothing is counted anew and nothing raised: what the unit has asked
    meanwhile is compared, and told as ``UNHURRIED["OVER_BUDGET"]`` says.
    """

    def __init__(self, n: int, *, using: str | None = None) -> None:
        if not isinstance(n, int) or isinstance(n, bool) or n < 0:
            raise TypeError(f"query_budget(n) takes the number of queries, 0 or more, not {n!r}.")
        self.limit = n
        self.using = using

    def _watch(self, frame: FrameType, args: tuple[Any, ...] = ()) -> Watch:
        how = mode(args)
        if how == RAISE:
            return Budget(self.limit, self.using, frame)
        return _enforcing.Spending(self.limit, self.using) if how == REPORT else Nothing()


class Budgeted(Queries):
    """Counts all but what an allowance takes."""

    def __init__(self, stop: FrameType | None = None, using: str | None = None) -> None:
        super().__init__(stop)
        self._using = using

    def _note(self, statement: Any, frame: FrameType) -> None:
        if self._using in (None, statement.alias) and not _gate.is_allowed(statement):
            Queries._note(self, statement, frame)


class Budget(Watch):
    """One run of a block that raises."""

    def __init__(self, limit: int, using: str | None, frame: FrameType) -> None:
        if using is not None and using not in connections:
            raise ValueError(f"query_budget(using={using!r}): there is {', '.join(connections)}.")
        self.limit = limit
        self.queries = Budgeted(frame, using)

    @contextmanager
    def active(self) -> Iterator[None]:
        with counting(self.queries):
            yield

    def settle(self, result: Any = None) -> None:
        if self.queries.total > self.limit:
            raise exceeded(self.queries, self.limit)


def exceeded(counted: Queries, limit: int) -> QueryBudgetExceeded:
    """The exception, with all that a person needs to find what is too much."""
    statements, findings = asked(counted), counted.findings
    text = f"{queries(counted.total)}, the budget is {limit}:\n{listed(statements)}\n"
    return QueryBudgetExceeded(
        f"{text}{found(findings)}{WAY_OUT} to {counted.total}.",
        count=counted.total,
        budget=limit,
        statements=statements,
        findings=findings,
    )


def found(findings: list[Finding]) -> str:
    """The findings, one a line, each with its kind."""
    if not findings:
        return ""
    lines = [f"{finding.kind}: {finding}" for finding in findings]
    return f"Findings:\n{listed(lines)}\n"


class no_queries(Block):  # noqa: N801 - used as a function is
    """Not one query: the first raises ``QueryRefused`` before it is sent, and names its line::

        with no_queries():
            page.render(context)

    Also as a decorator, in templates, serializers and async code. One that was refused and whose
    exception somebody has swallowed is raised again at the end. Transaction control is no query. In
    production (see ``query_budget``) nothing is refused, only told, like a budget of 0.
    """

    def _watch(self, frame: FrameType, args: tuple[Any, ...] = ()) -> Watch:
        how = mode(args)
        if how == RAISE:
            return Ban()
        return _enforcing.Spending(0, None) if how == REPORT else Nothing()


class Ban(Watch):
    """One run of a block without queries."""

    def __init__(self) -> None:
        self.refused: QueryRefused | None = None

    @contextmanager
    def active(self) -> Iterator[None]:
        with _gate.judging(_gate.bans, self):
            yield

    def hears(self, asking: Asking) -> bool:
        error = QueryRefused(_refusal(asking), line=asking.lines[0] if asking.lines else None)
        self.refused = self.refused or error
        raise error

    def settle(self, result: Any = None) -> None:
        if self.refused is not None:
            raise self.refused


def _refusal(asking: Asking) -> str:
    named = asking.read.relation
    origin = origin_of(named.instance) if named is not None else None
    made = origin.resolved()[0].site if origin is not None else None
    where = f" where the rows come from, {made.label}" if made is not None else " before"
    load = "load it with select_related or prefetch_related" if named else "ask"
    return f"No queries here, but one at {asking}\nWay out: {load}{where}; or allow_queries(…)."
