"""What waits where, for how long, and what is dead: a few queries for each database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Max, Min, Q
from django.db.models.functions import Now

from ._tables import aliases, dead, waiting

NEWEST: Final = 50  # dead ones that are told one by one


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """One lane of one database, as of now."""

    alias: str
    lane: str
    waiting: int = 0  # all of them
    running: int = 0  # of these: somebody has them
    put_off: int = 0  # of these: due later, as they failed, or are meant to
    lag: float = 0.0  # seconds that the oldest has been due
    dead: int = 0


@dataclass(frozen=True, slots=True)
class DeadRow:
    """What could not be done. Its arguments are left out: they may be somebody's."""

    alias: str
    pk: int
    lane: str
    kind: str
    target: str
    died: datetime
    attempts: int
    reason: str


def lanes_now() -> list[LaneStatus]:
    """Each lane in which something waits or is dead, the one that is latest first."""
    found = [each for alias in aliases() for each in _lanes(alias)]
    return sorted(found, key=lambda each: (-each.lag, -each.dead, each.alias, each.lane))


def _lanes(alias: str) -> list[LaneStatus]:
    waits = {row.pop("lane"): row for row in _waiting(alias)}
    died = dict(dead(alias).values_list("lane").annotate(Count("pk")).order_by())
    return [
        LaneStatus(alias, lane, dead=died.get(lane, 0), **waits.get(lane, {}))
        for lane in waits.keys() | died.keys()
    ]


def _waiting(alias: str) -> list[dict[str, Any]]:
    rows = waiting(alias).values("lane").order_by()
    found = rows.annotate(
        waiting=Count("pk"),
        running=Count("pk", filter=Q(until__gt=Now())),
        put_off=Count("pk", filter=Q(due__gt=Now())),
        oldest=Min("due", filter=Q(due__lte=Now())),
        now=Max(Now()),
    )
    return [_with_lag(dict(row)) for row in found]


def _with_lag(row: dict[str, Any]) -> dict[str, Any]:
    oldest, now = row.pop("oldest"), row.pop("now")
    return {**row, "lag": max((now - oldest).total_seconds(), 0.0) if oldest else 0.0}


def newest_dead() -> list[DeadRow]:
    """Those that died last."""
    fields = ("pk", "lane", "kind", "target", "died", "attempts", "reason")
    found = [
        DeadRow(alias=alias, **row)
        for alias in aliases()
        for row in dead(alias).order_by("-died").values(*fields)[:NEWEST]
    ]
    return sorted(found, key=lambda row: row.died, reverse=True)[:NEWEST]
