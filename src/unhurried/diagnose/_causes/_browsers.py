"""Front-end rendering: what browsers take after the last byte, as ``{% vitals %}`` tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .._ledger import Ledger
from .._route import Route
from .._sizes import SHARE
from .._verdict import FRONT_END, LIKELY, SURE, Cause
from .._words import count, ms

VIEWS: Final = 20  # told, before anything is said
SLOW: Final = 1.5  # seconds, of a front end
SENTENCES: Final = {
    "ttfb": "the first byte came after {}",
    "lcp": "the largest thing in view was drawn after {} (good: 2.5 s)",
    "inp": "the page answered to a click or key after {} (good: 200 ms)",
}


def front_end(ledger: Ledger) -> Iterator[Cause]:
    for route in ledger.routes:
        row = ledger.vital(route.name, "front")
        if row is None or row.count < VIEWS:
            continue
        mean = row.sum / row.count / 1e6
        seconds = ledger.browsing_on(route)
        share = ledger.share_of_all(seconds)
        if share >= SHARE and mean >= SLOW:
            yield _cause(ledger, route, mean, seconds, share)


def _cause(ledger: Ledger, route: Route, mean: float, seconds: float, share: float) -> Cause:
    told = ledger.vital(route.name, "front")
    views = told.count if told else 0
    return Cause(
        FRONT_END,
        f"Browsers take {ms(mean)} for {route.label} after its last byte",
        share,
        SURE if views >= 5 * VIEWS else LIKELY,
        f"front:{route.name}",
        evidence=[f"{count(views, 'page view')} told", *_vitals(ledger, route)],
        where=[route.label],
        remedy=["npx lighthouse"],
        advice="Fewer and smaller scripts, images in the size they are shown in, nothing that "
        "blocks in the head: the server has no part in it.",
        gain=ledger.per_request(max(seconds - SLOW / 2 * route.requests, 0.0)),
        expected=ledger.share_of_all(max(seconds - SLOW / 2 * route.requests, 0.0)),
        verify="manage.py unhurried diagnose --minutes 10",
        route=route.name,
    )


def _vitals(ledger: Ledger, route: Route) -> list[str]:
    found = []
    for metric, sentence in SENTENCES.items():
        row = ledger.vital(route.name, metric)
        if row:
            found.append("on average " + sentence.format(ms(row.sum / row.count / 1e6)))
    return found
