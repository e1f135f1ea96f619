"""Resource contention: a core that others have, locks that others hold, one lock for all threads.

How long threads waited for a core the kernel tells exactly (schedstat), of each whole process.
What waits in the queue or works in a database on the same machine is slowed likewise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.db import connections

from .._ledger import STRAINED, Ledger
from .._route import NS, USUAL
from .._sizes import SHARE
from .._verdict import CONTENTION, LIKELY, PERHAPS, SURE, Cause
from .._words import brief, count, ms, percent
from . import _database

FELT: Final = 0.003  # seconds per request, where the kernel says that cores are short
OWN: Final = 0.6  # of the cores: then it is this site's own work that fills the machine
LOCAL: Final = ("", "localhost", "127.0.0.1", "::1")


def contention(ledger: Ledger) -> Iterator[Cause]:
    yield from _cores(ledger)
    yield from _interpreter(ledger)
    yield from _locks(ledger)


def strained(ledger: Ledger) -> bool:
    return ledger.strain >= STRAINED


def slowed(ledger: Ledger, seconds: float) -> float:
    """Of a time that passes on this machine's cores, what contention has added."""
    if not strained(ledger):
        return 0.0
    return seconds * (ledger.strain - USUAL) / (1 + ledger.strain)


def own_load(ledger: Ledger) -> float:
    """Cores that this site's own requests use, of those there are."""
    used = ledger.sum_lane("cpu") / max(ledger.window.seconds, 1.0)
    return used / ledger.window.cores


def has_the_machine_time(ledger: Ledger) -> bool:
    return not strained(ledger) and own_load(ledger) < OWN


def _cores(ledger: Ledger) -> Iterator[Cause]:
    if not strained(ledger):
        return
    added = (
        ledger.sum("waited")
        + slowed(ledger, ledger.sum("queue"))
        + slowed(ledger, _local_work(ledger))
    )
    share = ledger.share(added)
    if share < SHARE or ledger.per_request(added) < FELT:
        return
    own = own_load(ledger)
    yield Cause(
        CONTENTION,
        "Your site waits for a core that others have"
        if own < OWN
        else "Your site waits for a core: its own work fills the machine",
        share,
        SURE if own < OWN else LIKELY,
        "cores",
        evidence=[
            f"for each second on a core, threads waited {ms(ledger.strain)} for one",
            f"this site's own requests use {own * ledger.window.cores:.1f} of "
            f"{count(ledger.window.cores, 'core')}",
            *_pressure(ledger),
        ],
        where=["this machine"],
        remedy=["top -o %CPU", "cat /proc/pressure/cpu"],
        advice="Find who else works here, and give the site cores of its own (or raise its "
        "container's quota)."
        if own < OWN
        else "Less work per page (the other findings), or more cores.",
        gain=ledger.per_request(added),
        expected=share,
        verify="manage.py unhurried diagnose --minutes 10",
    )


def _pressure(ledger: Ledger) -> list[str]:
    host, seconds = ledger.window.host, max(ledger.window.seconds, 1.0)
    waited = {name: host.get(name, 0) / 1e6 / seconds for name in ("cpu", "io", "memory")}
    told = [
        f"somebody waited for {name} {percent(min(part, 1.0))} of the time (PSI)"
        for name, part in waited.items()
        if part > 0.05
    ]
    if host.get("throttled", 0) > 1e4:
        told.append(f"its container's quota stopped it for {ms(host['throttled'] / 1e6)} (cgroup)")
    return told


def _local_work(ledger: Ledger) -> float:
    """Seconds in databases that share this machine's cores; SQLite's are the thread's own."""
    found = 0.0
    for route in ledger.routes:
        for row in route.statements:
            if _is_local(row.alias):
                waits = _database.blocked(route, row)
                found += max((row.ns + row.fetch) / NS - waits, 0.0)
    return found


def _is_local(alias: str) -> bool:
    if alias not in connections:  # of an earlier release's settings
        return False
    connection = connections[alias]
    host = str(connection.settings_dict.get("HOST") or "")
    return connection.vendor != "sqlite" and (host in LOCAL or host.startswith("/"))


def _interpreter(ledger: Ledger) -> Iterator[Cause]:
    """One thread runs Python at a time: a heartbeat that comes late though cores are free."""
    seconds = ledger.waited_for_turn
    share = ledger.share(seconds)
    if ledger.matters_to_all(share, ledger.per_request(seconds)):
        yield Cause(
            CONTENTION,
            "Threads wait for each other: one of a process runs Python at a time",
            share,
            LIKELY,
            "interpreter",
            evidence=[
                f"the heartbeat came late {percent(ledger.late)} of the time, with cores free"
            ],
            where=["the server that runs the site"],
            remedy=[f"gunicorn --workers {ledger.window.cores} --threads 2"],
            advice="More processes of fewer threads each.",
            gain=ledger.per_request(seconds),
            expected=share,
            verify="manage.py unhurried diagnose --minutes 10",
        )


def _locks(ledger: Ledger) -> Iterator[Cause]:
    found = sorted(_database.locks(ledger), key=lambda item: -item[0])
    seconds = sum(waited for waited, _, _ in found)
    share = ledger.share(seconds)
    if not found:
        return
    waited, route, row = found[0]
    if not ledger.matters(share, waited / max(route.requests, 1)):
        return
    yield Cause(
        CONTENTION,
        f"Writes of {route.label} wait for a lock that somebody holds",
        share,
        PERHAPS,
        f"locks:{route.name}",
        evidence=[
            f"{ms(row.ns / NS / row.count)} on average, {ms(row.least / NS)} at best: "
            f"{brief(row.sql)}",
        ],
        where=list(row.lines)[:3],
        remedy=["manage.py unhurried dba"],
        advice="It names who holds which lock now. Keep transactions short, update rows in one "
        "order, and have counts come later (Tally).",
        gain=ledger.per_request(seconds),
        expected=share,
        verify="manage.py unhurried diagnose --minutes 10",
        route=route.name,
    )
