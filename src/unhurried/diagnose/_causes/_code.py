"""Own bugs: views that raise, loops that ask one row at a time, lines that take long.

Where most of what a route raises is a package's, it is the package's bug.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from unhurried.measure.reading import SampleRow

from .. import _remedies
from .._ledger import Ledger
from .._route import LOOKS, Route, Spent
from .._sizes import ERRORS
from .._verdict import LIKELY, OWN_BUGS, SURE, THIRD_PARTY, Cause
from .._words import count, ms, percent
from ._packages import distribution

MEND: Final = "Mend it before anything else: its log has the traceback."
CATCH: Final = (
    "Catch what it raises, and answer without it; a newer release may have mended it. The log has "
    "the traceback."
)
ASKED: Final = "manage.py unhurried queries"
BY_URL: Final = (
    "diagnose --url with its path names the line to change, and replays it to see whether it helps."
)
FEW: Final = 5  # errors that may be anybody's
OFTEN: Final = 3.0  # queries of a loop, per request that has it


def errors(ledger: Ledger) -> Iterator[Cause]:
    """Requests that raised or answered 500 and more: no page is slower than one that fails."""
    for route in ledger.routes:
        failed = route.lanes["errors"]
        ratio = failed / max(route.requests, 1)
        if failed < FEW or ratio < ERRORS:
            continue
        raised = route.lanes["exceptions"]
        package = _at_fault(route, failed)
        who = f"{distribution(package)} fails below {route.label}" if package else ""
        yield Cause(
            THIRD_PARTY if package else OWN_BUGS,
            f"{who or f'{route.label} fails'}: {percent(ratio)} of its requests are errors",
            failed / max(ledger.requests, 1),
            SURE,
            f"errors:{route.name}",
            evidence=[
                f"{count(failed, 'request')} of {route.requests:,} answered 500 or more, "
                f"{raised:,} of them by an exception",
                *(f"{count(row.count, 'time')} {_raised(row)}" for row in route.errors[:3]),
            ],
            where=[row.line for row in route.errors[:3] if row.line] or [route.label],
            remedy=[],
            advice=CATCH if package else MEND,
            verify="manage.py unhurried top --once",
            route=route.name,
        )


def _at_fault(route: Route, failed: int) -> str:
    """The package that most of the errors were raised in, if there is one."""
    found = Counter[str]()
    for row in route.errors:
        found[row.package.partition(" in ")[2]] += row.count
    package, times = found.most_common(1)[0] if found else ("", 0)
    return package if times > failed / 2 else ""


def _raised(row: SampleRow) -> str:
    return f"{row.package} at {row.line}" if row.line else row.package


def loops(ledger: Ledger) -> Iterator[Cause]:
    """N+1: what the repeats of one loop take on one route, the ORM's own work included."""
    total = ledger.share(ledger.sum("repeated") + ledger.sum("looping"))
    for route in ledger.routes:
        for loop in sorted(route.loops):
            yield from _loop(ledger, route, loop, total)


def _loop(ledger: Ledger, route: Route, loop: str, total: float) -> Iterator[Cause]:
    rows = [row for row in route.sightings if row.loop == loop]
    queries, requests = sum(r.queries for r in rows), max(r.requests for r in rows)
    asked = sum(map(route.cost_of, rows))
    spent = asked + route.looping_at(loop)
    each = queries / max(requests, 1)
    share = ledger.share(spent)
    together = (route.repeated + route.looping) / max(route.requests, 1)  # of a page's loops
    if each < OFTEN or not ledger.matters(share, together, total):
        return
    dearest = rows[0]
    gone = (queries - requests) / max(queries, 1)
    far = sum(row.ns for row in rows) / 1e9 - asked  # it goes as well, though it is the network's
    proof = _remedies.proof_of(route, loop, dearest.relation)
    verified = proof is not None and proof["verified"] == "yes"
    bulk = _remedies.in_bulk(route, dearest.sql, each)
    what = f"asks {dearest.relation} one row at a time" if dearest.relation else "repeats a query"
    yield Cause(
        OWN_BUGS,
        f"{loop} {what}: {each:.0f} queries of each {route.label}",
        share,
        SURE,
        f"loop:{route.name}:{loop}",
        evidence=[
            f"{count(queries, 'query')} in {count(requests, 'request')}, "
            f"{ms(spent / max(requests, 1))} a request with the ORM's own work",
        ],
        where=[loop, *dearest.through][:4],
        remedy=_code(route, proof, bulk),
        advice=_advice(route, bulk, verified=verified),
        gain=ledger.per_request((spent + far) * gone),
        expected=ledger.share((spent + far) * gone),
        verify=_remedies.look_at(route),
        route=route.name,
        query=proof,
        verified=verified,
        diff=(proof["diff"] or "") if proof and verified else "",
    )


def _code(route: Route, proof: dict[str, Any] | None, bulk: _remedies.Remedy | None) -> list[str]:
    if proof and proof["remedy"]:
        return [proof["remedy"]]
    if bulk:
        return bulk.code
    return [_remedies.look_at(route) if _remedies.is_path(route) else ASKED]


def _advice(route: Route, bulk: _remedies.Remedy | None, *, verified: bool) -> str:
    if verified:
        return "Replayed: the same page with fewer queries."
    if bulk:
        return bulk.advice
    if not _remedies.is_path(route):
        return f"It shows what is asked. For one page of {route.label}, {BY_URL}"
    return "It names the line to change, and replays the page to see whether it helps."


def lines(ledger: Ledger) -> Iterator[Cause]:
    """A line of the project's own that takes the time itself."""
    for route in ledger.routes:
        for spent in route.spent:
            if spent.part == "view" and not route.is_loop(spent) and spent.looks >= LOOKS:
                yield from _line(ledger, route, spent)


def _line(ledger: Ledger, route: Route, spent: Spent) -> Iterator[Cause]:
    seconds = spent.seconds * ledger.calm
    share = ledger.share(seconds)
    if not ledger.matters(share, seconds / max(route.requests, 1)):
        return
    kept = _remedies.as_json(route, seconds) or _remedies.keep(route)
    code, advice = _remedies.by_keeping(
        ["from unhurried.cache import cached", "@cached(600)"],
        "Do less there, do it later, or keep what it makes.",
    )
    yield Cause(
        OWN_BUGS,
        f"{spent.line} takes {ms(seconds / max(route.requests, 1))} of each {route.label}",
        share,
        LIKELY,
        f"line:{route.name}:{spent.line}",
        evidence=[f"{count(spent.looks, 'look')} at working threads met this line"],
        where=[spent.line],
        remedy=kept.code if kept else code,
        advice=kept.advice if kept else advice,
        gain=ledger.per_request(kept.saves if kept else seconds),
        expected=ledger.share(kept.saves if kept else seconds),
        verify=_remedies.look_at(route),
        route=route.name,
    )
