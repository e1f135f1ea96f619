"""Slow templates: their own time, without the queries in it and without loops that ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .. import _remedies
from .._ledger import Ledger
from .._route import LOOKS, Route, Spent
from .._verdict import LIKELY, SURE, TEMPLATES, Cause
from .._words import count, ms

LINES: Final = 4


def templates(ledger: Ledger) -> Iterator[Cause]:
    found = {
        route.name: max(route.template - _asking(route), 0.0) * ledger.calm
        for route in ledger.routes
    }
    total = ledger.share(sum(found.values()))
    for route in ledger.routes:
        seconds = found[route.name]
        share = ledger.share(seconds)
        if ledger.matters(share, seconds / max(route.requests, 1), total):
            yield _cause(ledger, route, seconds, share)


def _cause(ledger: Ledger, route: Route, seconds: float, share: float) -> Cause:
    lines = [spent for spent in route.spent if spent.part == "template"]
    lines = [spent for spent in lines if not route.is_loop(spent) and spent.line]
    looks = sum(spent.looks for spent in lines)
    kept = _remedies.keep(route)
    worst = lines[0].line if lines and lines[0].looks >= LOOKS else ""
    code, advice = _remedies.by_keeping(
        ['{% load unhurried %}{% cached 600 "part" %}…{% endcached %}'],
        f"Keep what {worst or 'the part that takes most'} renders: it is renewed when a row that "
        "it shows changes. Or page it.",
    )
    return Cause(
        TEMPLATES,
        f"The templates of {route.label} take {ms(seconds / max(route.requests, 1))} of each page",
        share,
        SURE if looks >= LOOKS else LIKELY,
        f"templates:{route.name}",
        evidence=[_told(route, spent, looks) for spent in lines[:LINES]],
        where=[spent.line for spent in lines[:LINES]],
        remedy=kept.code if kept else code,
        advice=kept.advice if kept else advice,
        gain=ledger.per_request(kept.saves if kept else seconds),
        expected=ledger.share(kept.saves if kept else seconds),
        verify=_remedies.look_at(route),
        route=route.name,
    )


def _told(route: Route, spent: Spent, looks: int) -> str:
    part = 100 * spent.looks / max(looks, 1)
    return f"{spent.line}: {part:.0f} % of {count(looks, 'look')} at it"


def _asking(route: Route) -> float:
    """The ORM's work for loops in templates."""
    return sum(
        route.looping_at(loop) for loop in route.loops if not loop.partition(":")[0].endswith(".py")
    )
