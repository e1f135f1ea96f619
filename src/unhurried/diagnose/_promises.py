"""The loop closed: what a verdict has promised under one release, beside what the next one had.

Each minute the elected process writes down what is found now, under the version that serves. After
a deploy the routes of those findings are compared: users' time per request before and since.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from unhurried.measure.reading import (
    StoreError,
    before_and_after,
    every,
    files,
    folder,
    locked,
    not_kept,
    prepare,
    say_once,
    swallow,
    version,
    versioned,
    window,
)

from ._asking import ledger_of, of
from ._judging import ENOUGH, causes
from ._ledger import Ledger
from ._pace import pace
from ._verdict import FRONT_END, SLOW, Cause, Promise, Verdict

FILE: Final = "promises.json"
RELEASES: Final = 10
FINDINGS: Final = 20
LABEL: Final = 200
MINUTES: Final = 10.0
EVERY: Final = 59.0  # seconds
VISITS: Final = 20  # of a route on each side, before they are compared


@dataclass(slots=True)
class _Writer:
    due: float = 0.0


_writer = _Writer()


def remember(numbers: dict[str, Any]) -> None:
    """Subscriber of the sampler's: what is found now, under this release."""
    now = monotonic()
    if now < _writer.due:
        return
    _writer.due = now + EVERY
    try:
        save(version(), of(window(MINUTES), pace=pace()))
    except (OSError, StoreError, ValueError) as error:
        not_kept("What the verdict promises is not kept", error)
    except Exception as error:  # boundary: a promise is not worth a sampler
        swallow("promises", error)


def save(release: str, verdict: Verdict) -> None:
    """Raises OSError, StoreError, ValueError."""
    place = prepare(folder())
    found = [_promise(cause) for cause in verdict.findings[:FINDINGS]]
    with locked(place):
        known = _known(files.read(place / FILE))
        if verdict.state == SLOW or release not in known:
            known.pop(release, None)  # so that it comes last
            known[release] = [promise for promise in found if promise is not None]
        latest = dict(list(known.items())[-RELEASES:])
        files.write(place / FILE, {"releases": latest}, str(os.getpid()))


def _promise(cause: Cause) -> dict[str, Any] | None:
    if cause.relief is None:
        return None
    return {
        "key": cause.key[:LABEL],
        "title": cause.title[:LABEL],
        "cause": cause.cause,
        "route": cause.route,
        "promised": cause.relief,
    }


def _known(document: Any) -> dict[str, list[dict[str, Any]]]:
    found = document.get("releases") if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}


def kept(current: Verdict, pace: float = 1.0) -> list[Promise]:
    """Of the last release's findings: what they promised, and what their routes have had since.

    A finding that is still there is no promise that was kept: it is not among them. Whether it is
    there, all of what has happened since says, whatever ``current`` is a verdict of: where that is
    too little for a verdict, nothing is gone. Raises ``StoreError``.
    """
    compared = before_and_after()
    if compared is None:
        return []
    release, before, after = compared
    if release is None:
        return []
    try:
        told = _known(files.read(versioned(folder()) / FILE)).get(release.name, [])
    except (OSError, ValueError) as error:
        say_once("%s can't be read (%s); remove it.", FILE, error)
        return []
    then, now = ledger_of(before), ledger_of(after, pace=pace)
    if not told or now.requests < ENOUGH:
        return []
    still = {cause.key for cause in (*current.findings, *causes(now))}
    found = [_had(each, then, now) for each in told if each.get("key") not in still]
    return [promise for promise in found if promise is not None]


def _had(told: dict[str, Any], before: Ledger, after: Ledger) -> Promise | None:
    route = told["route"]
    mean = _in_browsers if told["cause"] == FRONT_END else _mean
    then, now = mean(before, route), mean(after, route)
    if then is None or now is None:
        return None
    return Promise(
        key=told["key"],
        title=told["title"],
        cause=told["cause"],
        route=route,
        promised=told["promised"],
        had=(then - now) / then,
        before=then,
        after=now,
    )


def _mean(ledger: Ledger, route: str | None) -> float | None:
    """Users' time per request, in seconds; None where too few came."""
    found = ledger.by_name.get(route) if route is not None else None
    if route is not None and (found is None or found.requests < VISITS):
        return None
    if found is None:
        return ledger.mean if ledger.requests >= VISITS else None
    return found.mean or None


def _in_browsers(ledger: Ledger, route: str | None) -> float | None:
    """The same with what browsers took; None where too few have told."""
    served = _mean(ledger, route)
    row = ledger.vital(route, "front") if route is not None else None
    if served is None or row is None or row.count < VISITS:
        return None
    return served + row.sum / row.count / 1e6


def install() -> None:
    if remember not in every:
        every.append(remember)
