"""Remedies as code, out of the other rooms, and what each would give back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from unhurried.queries.reading import proven

from ._ledger import Route
from ._words import percent

KEPT_FOR: Final = 600  # seconds, of the ``cached_page`` that is proposed
HIT: Final = 0.02  # of a page that is computed, what one that is kept costs at most
ENOUGH: Final = 20  # visits to paths, before a ratio is told from them
WRITES: Final = ("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE")


@dataclass(slots=True)
class Remedy:
    """Code, what it does, and the seconds it saves in the window."""

    code: list[str]
    advice: str
    saves: float


def look_at(route: Route) -> str:
    """The command that looks at one page of a route."""
    return f"manage.py unhurried diagnose --url {route.label}"


def writes(sql: str) -> bool:
    return sql.lstrip()[:7].upper().startswith(WRITES)


def can_be_kept(route: Route) -> bool:
    """A page that is asked for by GET, and does not write."""
    asked_by_get = route.lanes["unsafe"] == 0
    return asked_by_get and not any(writes(row.sql) for row in route.statements)


def hit_ratio(route: Route) -> float | None:
    """Of ``cached_page(600)``: how many visits would find the page of an earlier one.

    Where the path has parameters: from one path in eight, all of whose visits are known (SHARDS:
    Waldspurger et al., FAST 2015); None where too few were seen.
    """
    if "<" not in route.name and "(?P" not in route.name:
        return max(1 - 1 / route.requests, 0.0)
    if route.lanes["paths"] < ENOUGH:
        return None
    return max(1 - route.lanes["paths_new"] / route.lanes["paths"], 0.0)


def keep(route: Route) -> Remedy | None:
    """``cached_page``, where the route is one that may be kept and would be found again."""
    ratio = hit_ratio(route)
    if not can_be_kept(route) or ratio is None or ratio < 0.3:
        return None
    return Remedy(
        [f"@cached_page({KEPT_FOR})"],
        f"Keep the page of {route.label}: {percent(ratio)} of its visits would find it, renewed "
        "when a row that it shows changes. What on it is one visitor's own becomes a "
        '{% fragment "…" %}.',
        route.time * ratio * (1 - HIT),
    )


def proof_of(route: Route, loop: str, relation: str | None) -> dict[str, Any] | None:
    """What ``diagnose --url`` has found out about a loop, the verified first."""
    found = [
        proof
        for proof in proven()
        if proof["route"] == route.name and proof["loop"] == loop and proof["relation"] == relation
    ]
    return (
        min(found, key=lambda proof: ("yes", "untried", "no").index(proof["verified"]))
        if (found)
        else None
    )
