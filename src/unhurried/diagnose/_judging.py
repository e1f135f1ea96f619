"""From a ledger to a verdict: every cause is asked, what matters is ranked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from . import _slow
from ._causes import (
    _browsers,
    _clients,
    _code,
    _database,
    _machine,
    _packages,
    _servers,
    _templates,
    _threads,
)
from ._ledger import Ledger
from ._verdict import FINE, FRONT_END, SERVERS, SLOW, TOO_LITTLE, Cause, Verdict
from ._words import count, percent

ENOUGH: Final = 50  # requests
MOST: Final = 12  # findings told

#: In the order of slide 10.
ASKED: Final[tuple[Callable[[Ledger], Iterator[Cause]], ...]] = (
    _browsers.front_end,
    _database.load,
    _database.written,
    _machine.contention,
    _clients.abuse,
    _database.latency,
    _code.errors,
    _code.loops,
    _code.lines,
    _packages.packages,
    _templates.templates,
    _servers.servers,
    _threads.threads,
)


def judge(ledger: Ledger) -> Verdict:
    verdict = Verdict(
        state=TOO_LITTLE,
        said="",
        seconds=ledger.window.seconds,
        requests=ledger.requests,
        time=ledger.time,
        mean=ledger.mean,
        parts=ledger.parts,
    )
    if ledger.requests < ENOUGH:
        verdict.said = _too_little(ledger)
        return verdict
    verdict.unseen = list(_servers.unseen(ledger))
    verdict.notes = [*_slow.notes(ledger), *_threads.notes(ledger), *_servers.notes(ledger)]
    found = causes(ledger)
    verdict.findings = _ranked(found)[:MOST]
    slowest = max(ledger.routes, key=lambda route: route.mean)
    verdict.slowest = slowest.name, slowest.mean
    verdict.state = SLOW if found else FINE
    verdict.said = _said(verdict, found)
    return verdict


def causes(ledger: Ledger) -> list[Cause]:
    """All that is found, in no order and uncut; nobody asks where there is too little data."""
    return [_weighed(cause, ledger) for ask in ASKED for cause in ask(ledger)]


def _weighed(cause: Cause, ledger: Ledger) -> Cause:
    """With what its gain is of its own route, or of the whole site."""
    route = ledger.by_name[cause.route] if cause.route is not None else None
    time, visits = (route.time, route.requests) if route else (ledger.time, ledger.requests)
    if route and cause.cause == FRONT_END:
        time += ledger.browsing_on(route)
    cause.mean = time / max(visits, 1)
    if cause.gain is not None and time:
        cause.relief = min(cause.gain * ledger.requests / time, 1.0)
    return cause


def _kind(cause: Cause) -> tuple[str, bool]:
    """What adds up: errors are a share of requests, all others of time."""
    return cause.cause, _fails(cause)


def _fails(cause: Cause) -> bool:
    return cause.key.startswith("errors:")


def _together(found: list[Cause]) -> dict[tuple[str, bool], float]:
    total: dict[tuple[str, bool], float] = {}
    for cause in found:
        total[_kind(cause)] = min(total.get(_kind(cause), 0.0) + cause.share, 1.0)
    return total


def _ranked(found: list[Cause]) -> list[Cause]:
    """What fails first: no page is slower. Then the kind that takes most in all its places."""
    total = _together(found)
    return sorted(found, key=lambda cause: (not _fails(cause), -total[_kind(cause)], -cause.share))


def _said(verdict: Verdict, found: list[Cause]) -> str:
    if not found:
        return "Nothing to fix"
    first = verdict.findings[0]
    if first.cause == SERVERS:
        return first.title
    alike = [cause for cause in found if _kind(cause) == _kind(first)]
    share = percent(_together(found)[_kind(first)])
    of = "requests" if _fails(first) else "users' time"
    if len(alike) == 1:
        return f"{first.title}: {share} of {of}"
    return f"{first.cause.capitalize()} in {len(alike)} places: {share} of {of}. {first.title}"


def _too_little(ledger: Ledger) -> str:
    units = sum(
        lanes["requests"] for (kind, _), lanes in ledger.window.units.items() if kind != "request"
    )
    if units and not ledger.requests:
        are = "is" if units == 1 else "are"
        return (
            f"No request measured yet; {count(units, 'unit')} of work {are} in "
            "manage.py unhurried top."
        )
    if not ledger.requests:
        return "Nothing measured yet. Open any page, or: manage.py unhurried diagnose --url /"
    return (
        f"Not enough data: {count(ledger.requests, 'request')} in this time; a verdict wants "
        f"{ENOUGH}."
    )
