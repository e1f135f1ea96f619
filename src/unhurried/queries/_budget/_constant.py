"""``constant_queries``: run, let the rows grow, run again: the queries must not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import isasyncgen, iscoroutine, isgenerator
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import QuerySet

from .._find._counting import counting
from .._find._finding import Finding
from ._budgets import Budgeted, found
from ._growing import grower
from ._listing import Asked, asked, listed
from ._refusals import QueriesGrew, bare


@dataclass(frozen=True, slots=True)
class Grown:
    """A statement that was sent more often once there were more rows."""

    before: int
    statement: Asked

    def __str__(self) -> str:
        return f"{self.before} -> {self.statement}"


@dataclass(frozen=True, slots=True)
class ConstantQueries:
    """Queries of the first run and of the second, and what the second sent more often."""

    before: int
    after: int
    grown: tuple[Grown, ...] = ()
    findings: tuple[Finding, ...] = ()


def constant_queries(
    function: Callable[[], Any], *, grow: Any, by: int = 2, using: str = DEFAULT_DB_ALIAS
) -> ConstantQueries:
    """Run ``function`` (warmed up by a run), let the rows grow, run it again: no more queries.

    ``grow`` is a model or queryset, or a list of them, whose rows are copied until there are ``by``
    times as many; or a function that adds rows itself. All is rolled back on the database
    ``using``. What ``allow_queries()`` takes is not counted. Returns ``ConstantQueries``; raises
    ``QueriesGrew`` with the statements that grew, and their lines::

        constant_queries(lambda: client.get("/feed/"), grow=Pin)

    Grow the inner rows of a loop in a loop, too: a copied author has no books.
    """
    enlarge = grower(grow, by, using)
    with transaction.atomic(using=using):
        try:
            _run(function)
            before = _counted(function)
            enlarge()
            after = _counted(function)
        finally:
            transaction.set_rollback(True, using=using)
    return _judged(before, after)


def _counted(function: Callable[[], Any]) -> Budgeted:
    counted = Budgeted()
    with counting(counted):
        _run(function)
    return counted


def _run(function: Callable[[], Any]) -> None:
    """To the end: a queryset that is only made, a stream that is not read or a TemplateResponse
    that is not rendered asks nothing.
    """
    result = async_to_sync(_run_async)(function) if iscoroutinefunction(function) else function()
    if iscoroutine(result) or _is_read_async(result):
        result = async_to_sync(_run_async)(lambda: result)
    if isinstance(result, QuerySet) or isgenerator(result):
        list(result)
    elif getattr(result, "streaming", False):
        b"".join(result)
    elif not getattr(result, "is_rendered", True):
        result.render()


async def _run_async(function: Callable[[], Any]) -> Any:
    """What is read in the loop it was made in may go on with what that loop holds."""
    result = function()
    if iscoroutine(result):
        result = await result
    if not _is_read_async(result):
        return result
    async for _ in result:
        pass
    return None


def _is_read_async(result: Any) -> bool:
    return isasyncgen(result) or bool(getattr(result, "is_async", False))


def _judged(before: Budgeted, after: Budgeted) -> ConstantQueries:
    if not before.total and not after.total:
        raise ValueError(
            "constant_queries(): the function asked for nothing, so nothing can grow. Is its page "
            "in a cache, or does it return before it reads? no_queries() says that it asks nothing."
        )
    findings = tuple(bare(finding) for finding in after.findings)
    result = ConstantQueries(before.total, after.total, _grown(before, after), findings)
    if result.after > result.before:
        raise QueriesGrew(_complaint(result, after), result)
    return result


def _grown(before: Budgeted, after: Budgeted) -> tuple[Grown, ...]:
    had = {(each.alias, each.sql): each.count for each in asked(before)}
    pairs = ((had.get((each.alias, each.sql), 0), each) for each in asked(after))
    return tuple(Grown(count, each) for count, each in pairs if each.count > count)


def _complaint(result: ConstantQueries, after: Budgeted) -> str:
    return (
        f"Queries grow with the rows, {result.before} -> {result.after}:\n"
        f"{listed(result.grown)}\n{found(after.findings)}"
        "Way out: load what the loop reads before it (select_related, prefetch_related, one query)."
    )
