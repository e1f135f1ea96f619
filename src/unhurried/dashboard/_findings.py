"""The findings of a verdict as pages show them: each with its words, its change and its gain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from unhurried.diagnose.reading import Cause, Promise, Verdict

from . import _change, _format, _releases, _routes
from ._numbers import Row

OPEN: Final = 3  # findings shown in full; the others open at a click
PLACES: Final = 6
EVIDENCE: Final = 8
MINUS: Final = "\u2212"


@dataclass(frozen=True, slots=True)
class Shown:
    """One finding. ``number`` is its rank, ``slug`` the address of its route's page, if any."""

    number: int
    cause: Cause
    mean: float
    slug: str | None
    id: str = ""

    @property
    def is_open(self) -> bool:
        return self.number <= OPEN

    @property
    def share(self) -> str:
        return _format.percent(self.cause.share)

    @property
    def label(self) -> str:
        """The route in question, as people write it."""
        return "" if self.cause.route is None else _routes.label("request", self.cause.route)

    @property
    def proven(self) -> str:
        """ "yes", "no", or "untried"; "" where there is nothing that could be tried."""
        if self.cause.verified:
            return "yes"
        if self.cause.query is not None and self.cause.query.get("verified") == "no":
            return "no"
        return "untried" if self.cause.diff or self.cause.remedy else ""

    @property
    def evidence(self) -> list[str]:
        return self.cause.evidence[:EVIDENCE]

    @property
    def more_evidence(self) -> int:
        return len(self.cause.evidence[EVIDENCE:])

    @property
    def places(self) -> list[str]:
        return self.cause.where[:PLACES]

    @property
    def more_places(self) -> int:
        return len(self.cause.where[PLACES:])

    @property
    def diff(self) -> list[_change.Line]:
        return _change.lines(self.cause.diff)

    @property
    def remedy(self) -> str:
        """What is to be typed; lines that the diff shows are not shown twice."""
        lines = self.cause.remedy
        if self.cause.diff:
            lines = [line for line in lines if line.lstrip("+- ") not in self.cause.diff]
        return "\n".join(lines)

    @property
    def gain(self) -> str:
        """``would give back 31 % of users' time: 120 ms of 390 ms a request``"""
        said = []
        if self.cause.expected:
            said.append(f"{_format.percent(self.cause.expected)} of users\u2019 time")
        if self.cause.gain:
            of = f" of {_format.seconds(self.mean)}" if self.mean else ""
            said.append(f"{_format.seconds(self.cause.gain)}{of} a request")
        return f"would give back {': '.join(said)}" if said else ""


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a finding that is gone; ``slug`` is its route's page, if any."""

    promise: Promise
    release: str
    slug: str | None

    @property
    def label(self) -> str:
        route = self.promise.route
        return "" if route is None else _routes.label("request", route)

    @property
    def said(self) -> str:
        """``promised -38 %, had -35 % since release 51c0: 112 ms, now 43 ms``"""
        promise = self.promise
        before, after = _format.seconds(promise.before), _format.seconds(promise.after)
        told = f"promised {_less(promise.promised)}, had {_less(promise.had)}"
        return f"{told} since release {self.release}: {before} a visit, now {after}"


def came(found: Verdict, routes: Mapping[str, Row]) -> list[Came]:
    """The last release's findings that are gone, in their order then."""
    release = _releases.short(found.release)
    return [Came(each, release, _slug(each, routes)) for each in found.promises]


def shown(found: Verdict, routes: Mapping[str, Row]) -> list[Shown]:
    """All findings in the verdict's order; ``routes`` are those that have a page."""
    ids = _ids(cause.key for cause in found.findings)
    return [
        Shown(number, cause, found.mean, _slug(cause, routes), one)
        for number, (cause, one) in enumerate(zip(found.findings, ids, strict=True), 1)
    ]


def _ids(keys: Iterable[str]) -> list[str]:
    """The same for the same finding on the next page, so that it stays open or closed."""
    found: dict[str, None] = {}
    for key in keys:
        one = f"f{crc32(key.encode('utf-8', 'replace')):08x}"
        found[one if one not in found else f"{one}-{len(found)}"] = None
    return list(found)


def _slug(cause: Cause | Promise, routes: Mapping[str, Row]) -> str | None:
    row = routes.get(cause.route) if cause.route is not None else None
    return row.slug if row is not None else None


def _less(share: float) -> str:
    """Time that went has a minus before it, time that came a plus."""
    sign = MINUS if share > 0 else "+" if share else ""
    return f"{sign}{_format.percent(abs(share))}"
