"""Remedies as code, out of the other rooms, and what each would give back."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import Any, Final

from unhurried.cache.reading import unseen
from unhurried.measure.reading import ONE_PATH_IN, OTHER, UNRESOLVED
from unhurried.queries.reading import proven

from ._route import Route
from ._words import percent

KEPT_FOR: Final = 600  # seconds, of the ``cached_page`` that is proposed
HIT: Final = 0.003  # seconds, of a page that is kept, with its session, its user and a greeting
ENOUGH: Final = 20  # visits to paths, before a ratio is told from them
VARIES: Final = "<([*+{"  # signs of a pattern that more than one path matches
PATTERN: Final = VARIES + "^$\\|?"  # and of one that is itself no path
LONG: Final = 20_000  # bytes
OBJECTS: Final = 0.8  # of the time at such a line, what making objects and text of them takes
MANY: Final = 20  # rows
WRITES: Final = ("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE")


@dataclass(slots=True)
class Remedy:
    """Code, what it does, and the seconds it saves in the window."""

    code: list[str]
    advice: str
    saves: float


def look_at(route: Route) -> str:
    """The command that looks at a route's page; at what is measured, where that is no one path."""
    if not is_path(route):
        return "manage.py unhurried diagnose --minutes 10"
    return f"manage.py unhurried diagnose --url {quote(route.label)}"


def is_path(route: Route) -> bool:
    """Whether its pattern can be asked for as it stands."""
    return not any(sign in route.name for sign in PATTERN)


def writes(sql: str) -> bool:
    return sql.lstrip()[:7].upper().startswith(WRITES)


def can_be_kept(route: Route) -> bool:
    """A page that is asked for by GET, and does not write."""
    asked_by_get = route.lanes["unsafe"] == 0
    return asked_by_get and not any(writes(row.sql) for row in route.statements)


def hit_ratio(route: Route) -> float | None:
    """Of ``cached_page(600)``: how many visits would find the page of an earlier one.

    From one path in eight, all of whose visits are known (SHARDS: Waldspurger et al., FAST 2015).
    Where the path is always the same, only its visits with a query are looked at: the others find
    the page of the first. None where too few were seen, and of what is no one route.
    """
    paths, new = route.lanes["paths"], route.lanes["paths_new"]
    if route.name in (UNRESOLVED, OTHER):
        return None
    if not any(sign in route.name for sign in VARIES):
        return max(1 - (1 + ONE_PATH_IN * new) / route.requests, 0.0)
    return max(1 - new / paths, 0.0) if paths >= ENOUGH else None


def keep(route: Route) -> Remedy | None:
    """``cached_page``, where the route is one that may be kept and would be found again."""
    ratio = hit_ratio(route)
    if unseen() or not can_be_kept(route) or ratio is None or ratio < 0.3:
        return None
    return Remedy(
        [f"@cached_page({KEPT_FOR})"],
        f"Keep the page of {route.label}: {percent(ratio)} of its visits would find it, renewed "
        "when a row that it shows changes. What on it is one visitor's own becomes a "
        '{% fragment "…" %}.',
        ratio * max(route.wall - HIT * route.pace * route.requests, 0.0),
    )


def by_keeping(code: list[str], advice: str) -> tuple[list[str], str]:
    """Both as they are, but where what is made can't be kept: then nothing, and why."""
    reason = unseen()
    return ([], f"Nothing made here can be kept: {reason}.") if reason else (code, advice)


def as_json(route: Route, seconds: float) -> Remedy | None:
    """``json_bytes``, where a page of no template is long: rows that become objects, then text."""
    if route.template or not can_be_kept(route) or route.lanes["bytes"] < LONG * route.requests:
        return None
    return Remedy(
        ["from unhurried.db import json_bytes", "json_bytes(queryset, fields)"],
        f"If {route.label} answers JSON of rows, the database writes it: no object is made.",
        seconds * OBJECTS,
    )


def in_bulk(route: Route, sql: str, each: float) -> Remedy | None:
    """``bulk_copy``, where a loop inserts row by row."""
    if sql.lstrip()[:6].upper() != "INSERT" or each < MANY:
        return None
    return Remedy(
        ["from unhurried.db import bulk_copy", "bulk_copy(Model, rows)"],
        f"{route.label} inserts {each:.0f} rows one by one: they go in at once.",
        0.0,
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
