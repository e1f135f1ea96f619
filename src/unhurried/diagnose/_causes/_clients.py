"""Abusive traffic: heavy hitters by what they cost, not by how often they come."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Final

from unhurried.measure.reading import ClientRow, client_label

from .._ledger import Ledger
from .._route import NS
from .._verdict import LIKELY, SURE, TRAFFIC, Cause
from .._words import count, ms, percent

CROWD: Final = 5  # clients, before one stands out
FAR_OUT: Final = 5.0  # times what one of them costs
LEAST: Final = 0.25  # of what all cost


def abuse(ledger: Ledger) -> Iterator[Cause]:
    rows = ledger.window.clients
    total = sum(row.cost for row in rows)
    if len(rows) < CROWD or not total:
        return
    usual = median(row.cost for row in rows)
    out = [row for row in rows if row.cost - row.error > max(FAR_OUT * usual, LEAST * total)]
    if not out:
        return
    cost = sum(row.cost for row in out) / total
    # Who fills the workers fills the queue before them.
    lost = cost * ledger.served
    share = ledger.share(lost)
    if ledger.matters_to_all(share, ledger.per_request(lost)):
        yield _cause(ledger, out, share, usual)


def _cause(ledger: Ledger, out: list[ClientRow], share: float, usual: float) -> Cause:
    first = out[0]
    return Cause(
        TRAFFIC,
        f"{count(len(out), 'client')} of {len(ledger.window.clients)} "
        f"{'takes' if len(out) == 1 else 'take'} {percent(share)} of the site",
        share,
        SURE if first.cost > 2 * FAR_OUT * usual else LIKELY,
        "clients",
        evidence=[
            f"{client_label(row.client)}: {count(row.requests, 'request')}, "
            f"{ms(row.cost / NS)} of work, {count(row.failed, 'time')} refused or not found"
            for row in out[:3]
        ]
        + [f"the median client: {ms(usual / NS)} of work"],
        where=[client_label(row.client) for row in out[:5]],
        remedy=["limit_req zone=one burst=20;"],
        advice="Limit requests per address before Django (nginx: limit_req; a CDN), or keep the "
        "pages it asks for. UNHURRIED['CLIENTS'] = 'shown' names addresses.",
        gain=ledger.per_request(share * ledger.served),
        expected=share,
        verify="manage.py unhurried diagnose --minutes 10",
    )
