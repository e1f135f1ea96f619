"""Misconfigured servers: what the settings say, and what numbers say of settings.

What a setting costs is seldom measured by itself; the share is an estimate, and said to be one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.conf import settings

from unhurried.measure.reading import SERVERS as SERVERS_KNOWN
from unhurried.measure.reading import StatementRow

from .. import _configuration, _remedies
from .._ledger import Ledger
from .._route import NEAR, NS, Route
from .._sizes import SHARE
from .._verdict import LIKELY, SERVERS, SURE, Cause
from .._words import count, ms

DEBUG_QUERY: Final = 0.00006  # seconds: a query that is logged with its text, under DEBUG
CONNECT: Final = 0.002  # seconds; opening a file takes less, and is no fault
#: Of what connecting takes in one room with the server: how much longer a statement takes where the
#: server's new process has not met its tables yet, and what its end takes.
FIRST: Final = 0.13
END: Final = 0.12
TRIPS: Final = 3  # round trips of connecting
RUNSERVER: Final = SERVERS_KNOWN.index("runserver")
STATIC: Final = 0.05  # of requests
SEEN: Final = 50  # requests
SESSIONS: Final = '"django_session"'
SESSION: Final = 0.0006  # seconds: an instance made, and its data decoded


def servers(ledger: Ledger) -> Iterator[Cause]:
    yield from _debug(ledger)
    yield from _connects(ledger)
    yield from _sessions(ledger)
    yield from _static(ledger)


def _debug(ledger: Ledger) -> Iterator[Cause]:
    """Under runserver it is what people want; everywhere else it is a mistake."""
    serving = [each for each in ledger.window.processes if each.server != RUNSERVER]
    if not any(each.debug for each in serving):
        return
    queries = sum(row.count for _, row in ledger.statements())
    seconds = queries * DEBUG_QUERY
    yield Cause(
        SERVERS,
        "DEBUG is on where people visit",
        ledger.share(seconds),
        SURE,
        "debug",
        evidence=[
            f"{count(sum(each.debug for each in serving), 'process')} of {len(serving)} with "
            "DEBUG = True, under another server than runserver",
            f"each of {count(queries, 'query')} was kept with its text",
        ],
        where=["settings.DEBUG"],
        remedy=["DEBUG = False"],
        advice="It remembers every statement, shows its inside to whoever finds an error, and is "
        "never what visitors should get.",
        gain=ledger.per_request(seconds),
        expected=ledger.share(seconds),
        verify="manage.py check --deploy",
    )


def _connects(ledger: Ledger) -> Iterator[Cause]:
    """A connect per request: TCP, TLS, a process at the server, and set-up, before any query."""
    connects = sum(route.lanes["connects"] for route in ledger.routes)
    asking = sum(route.requests for route in ledger.routes if route.database)
    if asking < SEEN or connects < 0.5 * asking:
        return
    seconds = sum(route.lanes["connecting"] for route in ledger.routes) / NS
    if ledger.share(seconds) < SHARE or seconds < connects * CONNECT:
        return
    each = seconds / connects
    near = max(each - TRIPS * _farthest(ledger), CONNECT)
    after = near * (END + FIRST * _met_anew(ledger) / max(asking, connects))
    seconds += after * connects
    yield Cause(
        SERVERS,
        "Each request connects to the database anew",
        ledger.share(seconds),
        SURE,
        "connects",
        evidence=[
            f"{count(connects, 'connect')} in {count(asking, 'request')} that ask a database",
            f"{ms(each)} each, before the first query",
            f"about {ms(after)} more, while the server's new process meets each table",
        ],
        where=["DATABASES[…]['CONN_MAX_AGE']"],
        remedy=["CONN_MAX_AGE = 60", "CONN_HEALTH_CHECKS = True"],
        advice='Keep connections between requests, or have a pool (OPTIONS = {"pool": True}).',
        gain=ledger.per_request(seconds),
        expected=ledger.share(seconds),
        verify="manage.py unhurried top --once",
    )


def _farthest(ledger: Ledger) -> float:
    """Seconds of a trip to a database, beyond what it takes in one room."""
    trips = (floor / NS - NEAR for floor in ledger.window.floors.values())
    return max([0.0, *trips])


def _met_anew(ledger: Ledger) -> float:
    """Statements, each text once a request: as often as a connection's server has met none."""
    return sum(min(row.count, route.requests) for route, row in ledger.statements())


def of_sessions(ledger: Ledger) -> list[tuple[Route, StatementRow]]:
    """The statements that read sessions, where these are a finding: they are told nowhere else.

    Not those that write them: ``cached_db`` does so, too.
    """
    if not settings.SESSION_ENGINE.endswith(".db"):
        return []
    every = [(route, row) for route, row in ledger.statements() if SESSIONS in row.sql]
    found = [(route, row) for route, row in every if not _remedies.writes(row.sql)]
    asked = sum(row.count for _, row in found)
    return found if asked >= SEEN and ledger.share(_near(found)) >= SHARE else []


def _near(found: list[tuple[Route, StatementRow]]) -> float:
    """Seconds they take, Python's included, without a way that is the network's."""
    return sum(
        (row.ns + row.fetch) / NS - route.far_of(row) + row.count * SESSION for route, row in found
    )


def _sessions(ledger: Ledger) -> Iterator[Cause]:
    """A query before each view, for what a cache has at hand."""
    found = of_sessions(ledger)
    if not found:
        return
    asked = sum(row.count for _, row in found)
    near = _near(found)
    seconds = near + sum(route.far_of(row) for route, row in found)
    yield Cause(
        SERVERS,
        "Sessions are read from the database",
        ledger.share(near),
        LIKELY,
        "sessions",
        evidence=[
            f"{count(asked, 'query')} in {count(ledger.requests, 'request')}, "
            f"{ms(seconds / asked)} each with what Python does for it"
        ],
        where=["settings.SESSION_ENGINE"],
        remedy=['SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"'],
        advice="A cache that all processes share (Redis, memcached) has them at hand; cached_db "
        "writes them to the database as well.",
        gain=ledger.per_request(seconds),
        expected=ledger.share(seconds),
        verify="manage.py unhurried queries --limit 5",
    )


def _static(ledger: Ledger) -> Iterator[Cause]:
    served = set(_configuration.static_routes())
    for route in ledger.routes:
        if route.name not in served:
            continue
        if ledger.share(route.time) >= STATIC and route.requests >= SEEN:
            yield Cause(
                SERVERS,
                f"Files below {route.label} are sent by Django",
                ledger.share(route.time),
                LIKELY,
                f"static:{route.name}",
                evidence=[f"{count(route.requests, 'request')}, {ms(route.mean)} each"],
                where=[route.label],
                remedy=["pip install whitenoise"],
                advice="WhiteNoise, nginx or a CDN sends them without a view.",
                gain=ledger.per_request(route.time),
                expected=ledger.share(route.time),
                verify="manage.py unhurried top --once",
                route=route.name,
            )


def notes(ledger: Ledger) -> Iterator[str]:
    """What the settings say and no number can weigh."""
    for each in _configuration.configuration():
        if each.wrong and each.name != "DEBUG":
            yield f"{each.name}: {each.why} {each.remedy}"


def unseen(ledger: Ledger) -> Iterator[str]:
    """The blind spots of this verdict."""
    if not any(route.lanes["queued"] for route in ledger.routes):
        yield (
            "Whether requests wait for a worker: no X-Request-Start comes from the proxy "
            '(nginx: proxy_set_header X-Request-Start "t=${msec}";).'
        )
    for alias in sorted({row.alias for _, row in ledger.statements()} - {*ledger.window.floors}):
        yield f"How far {alias!r} is: it was asked one text alone, whose way its work hides."
    if not ledger.vitals:
        yield "What browsers take: {% vitals %} is on no page that was visited."
    if not ledger.window.process.get("ran"):
        yield "Waiting for a core: no process was watched, or its kernel does not tell (schedstat)."
    if not ledger.looks:
        yield "Lines and packages: nobody looked at working threads (UNHURRIED['WATCH'] is off)."
    elif ledger.looks < SEEN:
        yield f"Lines and packages are told from {count(ledger.looks, 'look')} only."
    if not ledger.window.clients:
        yield "Who asks: clients are not counted (UNHURRIED['CLIENTS'] is 'off')."
