"""What is raised when more is asked of the database than was allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .._find._finding import Finding
from ._listing import Asked


class QueryBudgetExceeded(AssertionError):  # noqa: N818 - "exceeded" says it
    """More queries than the budget; the text lists them by count, with lines and findings.

    ``count`` queries, ``budget`` allowed, ``statements`` most frequent first, ``findings``.
    """

    def __init__(
        self,
        message: str,
        *,
        count: int = 0,
        budget: int = 0,
        statements: Sequence[Asked] = (),
        findings: Sequence[Finding] = (),
    ) -> None:
        super().__init__(message)
        self.count = count
        self.budget = budget
        self.statements = tuple(statements)
        self.findings = tuple(bare(finding) for finding in findings)


class QueryRefused(AssertionError):  # noqa: N818
    """A query inside ``no_queries()``; it has not been sent. ``line`` is the innermost one."""

    def __init__(self, message: str, *, line: str | None = None) -> None:
        super().__init__(message)
        self.line = line


class UnusedAllowance(AssertionError):  # noqa: N818
    """An ``allow_queries()`` that matched no query: it hides nothing, so take it out."""


class QueriesGrew(AssertionError):  # noqa: N818
    """``constant_queries()`` saw more queries after the rows had grown; ``result`` has them."""

    def __init__(self, message: str, result: object = None) -> None:
        super().__init__(message)
        self.result = result


def bare(finding: Finding) -> Finding:
    """Without what keeps frames and instances alive, so that the exception can be pickled."""
    return replace(finding, injection=None, source=None, group=None)
