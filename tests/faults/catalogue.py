"""Every fault by its name: its causes, its means, and how its truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from unhurried.diagnose._verdict import (
    CONTENTION,
    DATABASE,
    FRONT_END,
    NETWORK,
    OWN_BUGS,
    SERVERS,
    TEMPLATES,
    THIRD_PARTY,
    THREADS,
    TRAFFIC,
)

from . import plants, truths
from .rig import Means
from .truths import Truth

#: What people visit where all is well, by weight. No page of it takes 40 ms alone, on a machine of
#: half the usual speed.
HEALTHY = {"fixed books": 3, "fixed messages": 2, "fixed with": 3} | {
    "fast feed": 2,
    "fast tag": 3,
    "fast pin": 3,
    "fast messages": 2,
}
#: Of those, what writes nothing behind: nobody waits for how long that takes.
ALONE = {page: n for page, n in HEALTHY.items() if page not in ("fast pin", "fast messages")}
THINK = 0.25  # seconds, so that six visitors leave two processors idle most of the time


@dataclass(frozen=True)
class Fault:
    """``truth``: how each cause's share is known; none of a healthy run.

    ``pages`` come to those of ``healthy``, ``instead`` of which others are visited. ``around`` is
    entered before the site is started, ``beside`` while it is visited. ``needs``: what the site
    must have for it, by ``planted.prepare``.
    """

    name: str
    truth: Mapping[str, Truth] = field(default_factory=dict)
    pages: Mapping[str, int] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    healthy: Mapping[str, int] = field(default_factory=HEALTHY.copy)
    around: tuple[Means, ...] = ()
    beside: tuple[Means, ...] = ()
    think: float = THINK
    visitors: int = 6
    needs: str = ""

    @property
    def causes(self) -> tuple[str, ...]:
        return tuple(self.truth)

    @property
    def all_pages(self) -> dict[str, int]:
        healthy = {self.instead.get(page, page): n for page, n in self.healthy.items()}
        return {**healthy, **self.pages}


def nearby(fault: Fault) -> Fault:
    """Beside a slow network, which is told apart."""
    return replace(fault, truth={cause: truths.nearby(it) for cause, it in fault.truth.items()})


def both(one: Fault, other: Fault) -> Fault:
    return Fault(
        f"{one.name}+{other.name}",
        {**one.truth, **other.truth},
        {**one.pages, **other.pages},
        {**one.instead, **other.instead},
        {page: n for page, n in one.healthy.items() if page in other.healthy},
        around=one.around + other.around,
        beside=one.beside + other.beside,
        think=min(one.think, other.think),
        needs=one.needs or other.needs,
    )


def _planted(name: str, cause: str, page: str, weight: int, *around: Means) -> Fault:
    return Fault(name, {cause: truths.injected(page)}, {page: weight}, around=around)


healthy = Fault("healthy")
database = _planted("database", DATABASE, "search", 8)
network = Fault(
    "network",
    {NETWORK: truths.delayed},
    healthy=ALONE,
    around=(plants.network(0.003),),
)
busy = Fault("busy", {CONTENTION: truths.beyond_health}, beside=(plants.neighbours,))
locks = Fault("locks", {CONTENTION: truths.injected("stock")}, {"stock": 8}, beside=(plants.locks,))
flood = Fault(
    "flood",
    {TRAFFIC: truths.flooded},
    beside=(plants.flood({"fixed catalogue": 3, "search": 1}),),
)
front_end = Fault("front-end", {FRONT_END: truths.told}, {"story": 14}, needs="vitals")
package = _planted("package", THIRD_PARTY, "pay", 8, plants.package)
threads = Fault(
    "threads",
    {THREADS: truths.queued},
    {"waiting": 28},
    around=(plants.workers(1, 2),),
    think=0.02,
)
one_thread = Fault(
    "one-thread",
    {THREADS: truths.queued},
    {"waiting": 14},
    around=(plants.workers(1, 1),),
    think=0.06,
)
debug = Fault(
    "debug", {SERVERS: truths.beyond_health}, around=(plants.environment(PINSTA_DEBUG="1"),)
)
connects = Fault(
    "connects", {SERVERS: truths.beyond_health}, around=(plants.environment(FAULTS_MAX_AGE="0"),)
)
sessions = Fault(
    "sessions",
    {SERVERS: truths.beyond_health},
    around=(plants.environment(FAULTS_SESSIONS="django.contrib.sessions.backends.db"),),
)
template = _planted("template", TEMPLATES, "table", 8)
raising = Fault("raising", {OWN_BUGS: truths.failed}, {"basket": 14})
n_plus_one = Fault(
    "n+1",
    {OWN_BUGS: truths.instead("slow books", "fixed books")},
    {"slow books": 5},
    instead={"fixed books": "slow books"},
)
loop = _planted("loop", OWN_BUGS, "alike", 8)

SINGLES = (
    *(database, network, busy, locks, flood, front_end, package, threads, one_thread),
    *(debug, connects, sessions, template, raising, n_plus_one, loop),
)
PAIRS = (
    both(network, template),
    both(network, nearby(n_plus_one)),
    both(n_plus_one, threads),
    both(replace(package, pages={"pay": 16}), threads),  # most of what it waits for is its queue
    both(database, flood),
    both(debug, n_plus_one),
    both(database, raising),
    both(nearby(connects), network),
    both(locks, package),
    both(template, front_end),
)
FAULTS = {fault.name: fault for fault in (healthy, *SINGLES, *PAIRS)}
