"""Database load, and the network to the database.

A round trip takes what the cheapest text takes on average; what is longer than in one room with the
database is the network's, times the number of trips. The rest of a statement is the server's work.
Repeats of a loop are own bugs, and are told there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.db import connections

from unhurried.measure.reading import StatementRow

from .. import _remedies
from .._ledger import Ledger
from .._route import NEAR, NS, Route
from .._verdict import DATABASE, LIKELY, NETWORK, SURE, Cause
from .._words import brief, count, ms, percent
from . import _servers

TOP: Final = 3  # statements named
BLOCKED: Final = 10  # times the shortest seen: a write by key that takes so long has waited
LONG: Final = 0.010  # seconds
INDEXED: Final = 0.0005  # seconds of the server's where an index leads to a page's rows
FAR: Final = 0.0008  # seconds of a round trip; within one building it takes half of that


def latency(ledger: Ledger) -> Iterator[Cause]:
    """Trips times the way: nothing on the server's side would help."""
    for alias, floor in ledger.window.floors.items():
        trip = floor / NS
        trips = [(route, row) for route, row in ledger.statements() if row.alias == alias]
        number = sum(row.count for _, row in trips)
        lost = sum(min(row.count * max(trip - NEAR, 0.0), row.ns / NS) for _, row in trips)
        share = ledger.share(lost)
        if trip < FAR or not ledger.matters_to_all(share, ledger.per_request(lost)):
            continue
        each = number / max(ledger.requests, 1)
        yield Cause(
            NETWORK,
            "Your site waits for the network to the database",
            share,
            SURE,
            f"network:{alias}",
            evidence=[
                f"{count(number, 'query')} to {alias!r} took {ms(trip)} each for the way alone; in "
                f"one room with the database it is {ms(NEAR)} or less",
                f"{each:.1f} queries a request: {ms(each * trip)} of {ms(ledger.mean)} on the way",
            ],
            where=[f"DATABASES[{alias!r}]", *_most_asked(ledger, alias)],
            remedy=["manage.py unhurried queries", f"ping {_host(alias)}"],
            advice="Bring the site and its database into one room (one zone of one provider, no "
            "proxy in between that is not needed), and ask less often: every query that goes saves "
            f"{ms(trip)}.",
            gain=ledger.per_request(lost),
            expected=share,
            verify="manage.py unhurried diagnose --minutes 10",
        )


def _host(alias: str) -> str:
    """Where it is; of an alias that the settings have no more, its name."""
    if alias not in connections:
        return alias
    return str(connections[alias].settings_dict.get("HOST") or "localhost")


def _most_asked(ledger: Ledger, alias: str) -> list[str]:
    asked = {
        route.label: sum(row.count for row in route.statements if row.alias == alias)
        / max(route.requests, 1)
        for route in ledger.routes
    }
    most = sorted(asked.items(), key=lambda item: -item[1])[:TOP]
    return [f"{label}: {number:.0f} queries a request" for label, number in most if number >= 1]


def load(ledger: Ledger) -> Iterator[Cause]:
    """What the server works at, route by route; the dearest text is named first.

    What is written on pages that are only read is told by ``written``.
    """
    found = {route.name: _works(route, rows) for route, rows in _told_here(ledger)}
    total = ledger.share(sum(spent for works in found.values() for spent, _ in works))
    for route in ledger.routes:
        seconds = sum(spent for spent, _ in found[route.name])
        share = ledger.share(seconds)
        if ledger.matters(share, seconds / max(route.requests, 1), total):
            yield _load(ledger, route, found[route.name], seconds)


def _told_here(ledger: Ledger) -> Iterator[tuple[Route, list[StatementRow]]]:
    """By route, without the statements of loops and of sessions, which have their own findings."""
    sessions = {id(row) for _, row in _servers.of_sessions(ledger)}
    for route in ledger.routes:
        loops = {(each.alias, each.sql) for each in route.sightings}
        apart = (row for row in route.statements if (row.alias, row.sql) not in loops)
        yield route, [row for row in apart if id(row) not in sessions]


def _works(route: Route, rows: list[StatementRow]) -> list[tuple[float, StatementRow]]:
    found = [(work(route, row), row) for row in rows if not _early(route, row)]
    return sorted((item for item in found if item[0]), key=lambda item: -item[0])


def _load(
    ledger: Ledger, route: Route, works: list[tuple[float, StatementRow]], seconds: float
) -> Cause:
    spent, row = works[0]
    kept = _remedies.keep(route)
    saves = kept.saves if kept else sum(_found_by_an_index(*each) for each in works)
    return Cause(
        DATABASE,
        f"Your database works: {ms(seconds / max(route.requests, 1))} of each {route.label}, "
        f"{ms(spent / max(row.count, 1))} at one query",
        ledger.share(seconds),
        SURE,
        f"database:{route.name}",
        evidence=[_told(*each) for each in works[:TOP]],
        where=[*row.lines][:TOP],
        remedy=["manage.py unhurried dba", *(kept.code if kept else [])],
        advice="See what a DBA would: whether an index is missing, and the plan of the statement."
        + (f" {kept.advice}" if kept else ""),
        gain=ledger.per_request(saves),
        expected=ledger.share(saves),
        verify=_remedies.look_at(route),
        route=route.name,
    )


def _found_by_an_index(spent: float, row: StatementRow) -> float:
    """Seconds that it would save: rows are still to be fetched, and looked for."""
    return max(spent - row.fetch / NS - row.count * INDEXED, 0.0)


def _told(spent: float, row: StatementRow) -> str:
    each = ms(spent / max(row.count, 1))
    return f"{ms(spent)} in {count(row.count, 'query')}, {each} each: {brief(row.sql)}"


def work(route: Route, row: StatementRow) -> float:
    """Seconds a statement took at the server, without those that it waited for a lock."""
    way = row.count * route.trips(row.alias)
    return max((row.ns + row.fetch) / NS - way - blocked(route, row), 0.0)


def blocked(route: Route, row: StatementRow) -> float:
    """Seconds that a write has waited, as far as can be told from how long the shortest took."""
    if not (_remedies.writes(row.sql) or "FOR UPDATE" in row.sql[-60:].upper()):
        return 0.0
    shortest = max(row.least / NS, route.trips(row.alias))
    mean = row.ns / NS / max(row.count, 1)
    if mean < BLOCKED * shortest or mean < LONG:
        return 0.0
    return row.ns / NS - row.count * shortest


def written(ledger: Ledger) -> Iterator[Cause]:
    """Writes on pages that are only ever read: they may come later."""
    for route, rows in _told_here(ledger):
        found = [row for row in rows if _early(route, row)]
        waits = sum((row.ns + row.fetch) / NS - blocked(route, row) for row in found)
        spent = max(waits - sum(map(route.far_of, found)), 0.0)
        if found and ledger.matters(ledger.share(spent), waits / max(route.requests, 1)):
            yield _written(ledger, route, found, spent, waits)


def _written(
    ledger: Ledger, route: Route, found: list[StatementRow], spent: float, waits: float
) -> Cause:
    """What is written later saves its way as well, though that is the network's."""
    saves = ledger.share(waits)
    return Cause(
        DATABASE,
        f"{route.label} writes before it answers, though it is only read",
        ledger.share(spent),
        LIKELY,
        f"writes:{route.name}",
        evidence=[f"{ms(row.ns / NS / row.count)} each: {brief(row.sql)}" for row in found[:3]],
        where=list(found[0].lines)[:TOP],
        remedy=["from unhurried.later import later", "later(instance).save()"],
        advice=f"Write after the answer: {percent(saves)} of users' time is waiting for it. "
        "Counts are a Tally.",
        gain=ledger.per_request(waits),
        expected=saves,
        verify=_remedies.look_at(route),
        route=route.name,
    )


def _early(route: Route, row: StatementRow) -> bool:
    """A write that whoever only reads need not wait for."""
    return not route.lanes["unsafe"] and _remedies.writes(row.sql)


def locks(ledger: Ledger) -> Iterator[tuple[float, Route, StatementRow]]:
    """(seconds waited, route, statement) of writes that are told to wait for others."""
    for route, row in ledger.statements():
        waited = blocked(route, row)
        if waited:
            yield waited, route, row
