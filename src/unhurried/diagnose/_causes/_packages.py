"""Third-party bugs: what packages take, by the line that calls them, and other servers."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import packages_distributions
from typing import Final

from .. import _remedies
from .._ledger import Ledger
from .._route import LOOKS, Route, Spent
from .._verdict import LIKELY, SURE, THIRD_PARTY, Cause
from .._words import count, ms

ADVICE: Final = (
    "Have it done after the answer (a task), keep what it gives (cached), or give it a deadline; a "
    "newer release may have mended it."
)


def packages(ledger: Ledger) -> Iterator[Cause]:
    found: dict[str, list[tuple[Route, Spent]]] = {}
    for route in ledger.routes:
        for spent in route.spent:
            if spent.part in ("package", "http") and spent.package:
                found.setdefault(spent.package, []).append((route, spent))
    for package, places in found.items():
        yield from _package(ledger, package, places)


def _package(ledger: Ledger, package: str, places: list[tuple[Route, Spent]]) -> Iterator[Cause]:
    waits = all(spent.part == "http" for _, spent in places)
    seconds = sum(spent.seconds for _, spent in places) * (1.0 if waits else ledger.calm)
    looks = sum(spent.looks for _, spent in places)
    route, dearest = max(places, key=lambda place: place[1].seconds)
    share = ledger.share(seconds)
    visits = sum({r.name: r.requests for r, _ in places}.values())
    if looks < LOOKS or not ledger.matters(share, seconds / max(visits, 1)):
        return
    name = distribution(package)
    code, advice = ["from unhurried.later import task", "@task"], ADVICE
    if not waits:
        code, advice = _remedies.by_keeping(["@cached(600)"], ADVICE)
    doing = "waits for another server" if waits else "takes its time"
    at = f", called from {dearest.line}" if dearest.line else ""
    yield Cause(
        THIRD_PARTY,
        f"{name} {doing}: {ms(seconds / max(visits, 1))} of each {route.label}",
        share,
        SURE if looks >= 5 * LOOKS else LIKELY,
        f"package:{package}",
        evidence=[
            f"{count(looks, 'look')} at working threads met {name}{at}",
            *_queries_of(ledger, package),
        ],
        where=[*dict.fromkeys(spent.line or r.label for r, spent in places)][:4],
        remedy=code,
        advice=advice,
        gain=ledger.per_request(seconds),
        expected=share,
        verify=_remedies.look_at(route),
        route=route.name,
    )


def _queries_of(ledger: Ledger, package: str) -> list[str]:
    asked = sum(
        row.count for _, row in ledger.statements() if any(package in line for line in row.lines)
    )
    return [f"it asked {count(asked, 'query')} itself"] if asked else []


def distribution(package: str) -> str:
    """What to look for on PyPI: PIL is pillow's."""
    return (packages_distributions().get(package) or [package])[0]
