"""The table of works: one row for each, whoever waits; every change is a compare-and-set.

Ages and leases are by the database's own clock, as all of the room's are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from django.db import connections, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from .._outbox._clock import in_seconds
from .._outbox._kinds import OPEN
from .._outbox._lease import FREE, LEASE, a_name
from .._outbox._tables import works
from ._patience import insist

ATTEMPTS: Final = 3  # of workers that die over it
OLD: Final = 600.0  # seconds that a row stays after it has expired: how long it took is of use
POISON: Final = 10.0  # seconds until what has failed is tried again
LONGEST: Final = 300.0  # the same, after many failures
AT_ONCE: Final = 8  # rows looked at by who looks for work

ENDED: Final = ("done", "failed")
_COLUMNS: Final = (
    *("key", "state", "done", "total", "message", "took", "incident", "attempts", "holder"),
    *("created", "until", "expires", "now"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A work as it stands."""

    key: str
    state: str
    done: float | None
    total: float | None
    message: str
    took: float | None
    incident: str
    attempts: int
    holder: str
    created: Any
    until: Any
    expires: Any
    now: Any

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_fresh(self) -> bool:
        """It has ended, and not too long ago."""
        return self.state in ENDED and self.expires is not None and self.expires > self.now

    @property
    def is_nobodys(self) -> bool:
        return self.is_open and (self.until is None or self.until < self.now)

    @property
    def age(self) -> float:
        """Seconds since it was asked for."""
        return max(float((self.now - self.created).total_seconds()), 0.0)

    @property
    def expires_in(self) -> float:
        return max(float((self.expires - self.now).total_seconds()), 0.0) if self.expires else 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """An answer to be kept; ``raises`` is an exception of Django's that is one."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    raises: str = ""


def look(key: str) -> Seen | None:
    found = works().filter(pk=key).annotate(now=Now()).values(*_COLUMNS)
    row = insist(found.first)
    return None if row is None else Seen(**row)


def open_of(owner: str) -> int:
    """How many works of one visitor are under way."""
    return int(works().filter(owner=owner, state__in=OPEN).count())


def begin(key: str, route: str, asked: dict[str, Any], owner: str, limit: int) -> bool:
    """Let it be made, unless it is being made already or has been just now.

    False, and it is not, if its owner has so many under way: who opens many tabs at once has been
    let in by each of them before any had begun.
    """
    return insist(lambda: _begun(key, route, asked, owner, limit))


def _begun(key: str, route: str, asked: dict[str, Any], owner: str, limit: int) -> bool:
    alias = works().db
    with transaction.atomic(using=alias):
        _one_at_a_time(alias, owner)
        _written(key, route, asked, owner)
        within = open_of(owner) <= limit
        transaction.set_rollback(not within, using=alias)
    return within


def _one_at_a_time(alias: str, owner: str) -> None:
    """SQLite has one writer anyway."""
    if connections[alias].vendor == "postgresql":
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int(owner[:15], 16)])


def _written(key: str, route: str, asked: dict[str, Any], owner: str) -> None:
    values = {"route": route[:255], "asked": json.dumps(asked), "owner": owner}
    again = {
        "state": "waiting",
        "created": Now(),
        "holder": "",
        "until": None,
        "attempts": 0,
        "done": None,
        "total": None,
        "message": "",
        "incident": "",
        "status": None,
        "headers": "",
        "body": None,
        "expires": None,
    }
    over = works().filter(pk=key, state__in=ENDED, expires__lte=Now())
    if not over.update(**values, **again):
        works().bulk_create([works().model(key=key, **values)], ignore_conflicts=True)


def idle() -> int:
    """How many wait that nobody works on."""
    return int(insist(works().filter(FREE, state__in=OPEN).count))


def claim() -> Any:
    """A row that is ours to work on, or None; it has been tried once more from here on."""
    found = works().filter(FREE, state__in=OPEN).order_by("created")
    for row in insist(lambda: list(found.defer("body")[:AT_ONCE])):
        if _claimed(row):
            return row
    return None


def _claimed(row: Any) -> bool:
    row.holder = a_name()
    ours = works().filter(FREE, pk=row.pk, state__in=OPEN, attempts=row.attempts)
    values = {"state": "running", "holder": row.holder, "until": in_seconds(LEASE)}
    # Asked again after the connection broke, it may find that it has succeeded: then nobody has it
    # until the lease is over.
    row.attempts += 1
    return bool(insist(lambda: ours.update(attempts=F("attempts") + 1, **values)))


def keep_alive(key: str, holder: str, news: dict[str, Any]) -> bool:
    """Renew the lease, and tell how far it is; False if another has it."""
    return bool(_held(key, holder).update(until=in_seconds(LEASE), **news))


def finish(key: str, holder: str, result: Result, took: float, keep: float) -> bool:
    """Keep what came of it; False if another has taken it over meanwhile."""
    headers = {"raises": result.raises} if result.raises else result.headers
    values = {
        "state": "done",
        "holder": "",
        "until": None,
        "took": took,
        "failures": 0,
        "status": result.status,
        "headers": json.dumps(headers),
        "body": result.body,
        "expires": in_seconds(keep),
    }
    return bool(insist(lambda: _held(key, holder).update(**values)))


def fail(key: str, holder: str, incident: str, failures: int) -> bool:
    """It could not be done; for a while everybody is told so, longer each time."""
    poison = min(LONGEST, POISON * 2.0 ** min(failures, 10))
    values = {
        "state": "failed",
        "holder": "",
        "until": None,
        "incident": incident,
        "failures": min(failures + 1, 1000),
        "expires": in_seconds(poison),
    }
    return bool(insist(lambda: _held(key, holder).update(**values)))


def _held(key: str, holder: str) -> Any:
    return works().filter(pk=key, holder=holder, state="running")


def result(key: str) -> Result | None:
    """What is kept of it, as long as it is fresh."""
    found = works().filter(pk=key, state="done", expires__gt=Now())
    row = insist(found.values_list("status", "headers", "body").first)
    if row is None:
        return None
    status, headers, body = row
    read = json.loads(headers)
    if isinstance(read, dict):
        return Result(status, [], b"", read["raises"])
    return Result(status, [(name, value) for name, value in read], bytes(body))


def expected(route: str) -> float | None:
    """Seconds that a work of this route took last."""
    found = works().filter(route=route, took__isnull=False).order_by("-expires")
    took: float | None = insist(found.values_list("took", flat=True).first)
    return took


def sweep() -> None:
    """Forget what nobody will ask for."""
    over = Q(state__in=ENDED, expires__lt=in_seconds(-OLD))
    insist(lambda: works().filter(over).delete())
