"""The verdict: what makes a site slow, how sure we are, what to change, and what it will gain."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final

#: The causes of slide 10, in its order.
FRONT_END: Final = "front-end rendering"
DATABASE: Final = "database load"
CONTENTION: Final = "resource contention"
TRAFFIC: Final = "abusive traffic"
NETWORK: Final = "network latency"
OWN_BUGS: Final = "own bugs"
THIRD_PARTY: Final = "third-party bugs"
TEMPLATES: Final = "slow templates"
SERVERS: Final = "misconfigured servers"
THREADS: Final = "not enough threads"
CAUSES: Final = (
    *(FRONT_END, DATABASE, CONTENTION, TRAFFIC, NETWORK),
    *(OWN_BUGS, THIRD_PARTY, TEMPLATES, SERVERS, THREADS),
)
#: How sure: measured directly; several signs agree; one sign, and others would look the same.
SURE, LIKELY, PERHAPS = "sure", "likely", "perhaps"

SLOW: Final = "slow"
FINE: Final = "fine"
TOO_LITTLE: Final = "not enough data"


@dataclass(slots=True)
class Cause:
    """One finding of a verdict, JSON-able by ``as_dict()``.

    ``cause``: one of ``CAUSES``. ``title``: one sentence. ``share``: of users' time, 0 to 1:
    of a front end, of all of it; of the others, of the server's side; of failing views, of all
    requests. ``confidence``: "sure", "likely" or "perhaps". ``evidence``: what was measured, a line
    each. ``where``: lines, routes, hosts, packages, dearest first.
    ``remedy``: code or commands, a line each, to be typed as they stand; ``advice`` says in a
    sentence what they do. ``gain``: seconds per request that go, over all requests, None where
    that can't be computed; ``expected``: the same as a share of users' time, ``relief``: as a
    share of its route's time, of which a visit takes ``mean`` seconds (of a front end, with what
    browsers take). ``verify``: the
    command that shows whether it did. ``route``: where the finding is about one ("feed/").
    ``query``: a query finding's ``as_dict()``; ``verified``: it ran, with the same output, as
    ``diff``. ``key`` is the same for the same finding in the next verdict.
    """

    cause: str
    title: str
    share: float
    confidence: str
    key: str
    evidence: list[str] = field(default_factory=list)
    where: list[str] = field(default_factory=list)
    remedy: list[str] = field(default_factory=list)
    advice: str = ""
    gain: float | None = None
    expected: float | None = None
    relief: float | None = None
    mean: float | None = None
    verify: str = ""
    route: str | None = None
    query: dict[str, Any] | None = None
    verified: bool = False
    diff: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(slots=True)
class Promise:
    """What a finding of the last release promised, and what has come since it is gone.

    ``promised`` and ``had``: shares of users' time per request, of ``route`` (of the site where it
    is None); ``had`` below 0 is a loss. ``before`` and ``after``: seconds per request.
    """

    key: str
    title: str
    cause: str
    route: str | None
    promised: float
    had: float
    before: float
    after: float

    def as_dict(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(slots=True)
class Verdict:
    """What was found in a window of measurements.

    ``state``: "slow" (there are ``findings``, the largest share first), "fine" (there is nothing to
    fix) or "not enough data". ``said`` is the answer in one sentence. ``seconds``: length of the
    window; ``requests`` in it, ``time`` users waited in all (seconds), ``mean`` per request.
    ``parts``: users' time, in seconds, by where it went, adding up to ``time``. ``slowest``: the
    route whose mean is the longest, with its mean. ``unseen``: what could not be looked at, and
    why: the blind spots of this verdict. ``notes``: worth knowing, and no cause. ``promises``: of
    the last release's findings that are gone, since ``release`` began to serve.
    """

    state: str
    said: str
    seconds: float
    requests: int = 0
    time: float = 0.0
    mean: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    findings: list[Cause] = field(default_factory=list)
    slowest: tuple[str, float] | None = None
    unseen: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    release: str = ""

    def as_dict(self) -> dict[str, Any]:
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        found["promises"] = [promise.as_dict() for promise in self.promises]
        found["findings"] = [finding.as_dict() for finding in self.findings]
        return found
