"""What is in the making, for people who watch."""

from __future__ import annotations

from typing import Any, Final

from django.db.models.functions import Now

from .._outbox._kinds import OPEN
from .._outbox._tables import works

MOST: Final = 50


def running_views() -> list[dict[str, Any]]:
    """{route, state, done, total, message, seconds} of each, oldest first."""
    fields = ("route", "state", "done", "total", "message", "created", "now")
    found = works().filter(state__in=OPEN).order_by("created").annotate(now=Now())
    return [_shown(dict(row)) for row in found.values(*fields)[:MOST]]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    age = row.pop("now") - row.pop("created")
    return {**row, "seconds": max(age.total_seconds(), 0.0)}
