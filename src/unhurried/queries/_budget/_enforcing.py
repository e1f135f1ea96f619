"""Budgets in production: what was counted anyway is compared, when a page is done.

Setting ``BUDGETS`` by route, ``OVER_BUDGET`` what becomes of one that asks for more. No query costs
anything for it; a page that asks for none costs a comparison.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import time
from typing import Any, Final

from django.http.response import HttpResponseBase

from unhurried.conf import given, settings
from unhurried.measure.reading import (
    Record,
    current,
    printable,
    shown,
    streamed,
    swallow,
)

from ._blocks import Watch
from ._listing import Asked, asked_of, listed, one_line, queries
from ._refusals import QueryBudgetExceeded

ACTIONS: Final = ("log", "header", "raise")
HEADER: Final = "X-Query-Budget"
ROUTES: Final = 1_000  # whose last warning is remembered
PERIOD: Final = 60  # seconds in which one route is warned of once
logger: Final = logging.getLogger("unhurried.queries")
_warned: dict[str, int] = {}


def budget_of(route: str) -> int | None:
    """The budget of a route, written with or without its leading slash; ``*`` is any other."""
    budgets = given().get("BUDGETS")
    if not isinstance(budgets, dict):
        return None
    for key in (route, f"/{route}", "*"):
        budget = budgets.get(key)
        if budget is not None:
            return budget if type(budget) is int and budget >= 0 else None
    return None


def actions() -> tuple[str, ...]:
    """What to do, as the setting says; what it says wrongly is left out, and checked elsewhere."""
    given = settings.OVER_BUDGET
    words = (given,) if isinstance(given, str) else given
    return tuple(word for word in words if word in ACTIONS)


def compare(record: Record, response: HttpResponseBase) -> None:
    """A step of the middleware: the record is closed, or its body is yet to be streamed."""
    if given().get("BUDGETS") and not response.streaming:
        _compare(record, response)


def _compare_streamed(record: Record) -> None:
    """What asked while it was streamed is known at its last byte."""
    if record.queries:
        _compare(record, None)


def _compare(record: Record, response: HttpResponseBase | None) -> None:
    budget = budget_of(record.name)
    if budget is not None and record.queries > budget:
        tell(record, record.queries, budget, response)


def tell(
    record: Record,
    count: int,
    budget: int,
    response: HttpResponseBase | None = None,
    using: str | None = None,
) -> None:
    """Log, mark, or raise under STRICT, as ``OVER_BUDGET`` says."""
    wanted = actions()
    if "raise" in wanted and settings.STRICT:
        raise _exceeded(record, count, budget, using)
    try:
        if "header" in wanted and response is not None:
            response[HEADER] = f"{count}/{budget}"
        if "log" in wanted or "raise" in wanted:
            _log(record, count, budget, using)
    except Exception as error:  # boundary: a budget never breaks a page
        swallow("a query budget", error)


def _exceeded(record: Record, count: int, budget: int, using: str | None) -> QueryBudgetExceeded:
    statements = asked_of(record, using)
    text = f"{shown(record.kind, record.name)}: {queries(count)}, the budget is {budget}:"
    way_out = "Count them with count_queries() to see lines and remedies, or raise the budget."
    message = f"{text}\n{listed(statements)}\n{way_out}"
    return QueryBudgetExceeded(message, count=count, budget=budget, statements=statements)


def _log(record: Record, count: int, budget: int, using: str | None) -> None:
    route = printable(shown(record.kind, record.name))
    if not _is_due(f"{route} {budget} {using}"):
        return
    worst = next(iter(asked_of(record, using)), Asked("", "", 0))
    line = worst.lines[0] if worst.lines else None
    extra = {
        "unit" if record.kind != "request" else "route": route,
        "queries": count,
        "budget": budget,
        "times": worst.count,
        "statement": worst.sql,
        "line": line,
    }
    text = "%s: %s, the budget is %d; %s"
    logger.warning(text, route, queries(count), budget, printable(one_line(worst)), extra=extra)


def _is_due(key: str) -> bool:
    """Once a minute."""
    minute = int(time()) // PERIOD
    if _warned.get(key) == minute:
        return False
    if len(_warned) >= ROUTES:
        _warned.clear()
    _warned[key] = minute
    return True


class Spending(Watch):
    """A budget of a piece of code, in production: what its unit of work asks for meanwhile.

    Code that runs beside it in the same unit counts, too.
    """

    def __init__(self, limit: int, using: str | None) -> None:
        self.limit = limit
        self.using = using
        self.record = current.get()
        self.before = self._spent()

    def _spent(self) -> int:
        record = self.record
        if record is None or self.using is None:
            return record.queries if record is not None else 0
        return sum(s.count for s in record.statements.values() if s.alias == self.using)

    @contextmanager
    def active(self) -> Iterator[None]:
        yield

    def settle(self, result: Any = None) -> None:
        count = self._spent() - self.before
        if self.record is not None and count > self.limit:
            response = result if isinstance(result, HttpResponseBase) else None
            tell(self.record, count, self.limit, response, self.using)


def install() -> None:
    if _compare_streamed not in streamed:
        streamed.append(_compare_streamed)
