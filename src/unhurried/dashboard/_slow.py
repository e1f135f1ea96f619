"""The slow requests of a route, as its page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from unhurried.measure.reading import slow_requests

STACKS: Final = 2  # of a request


@dataclass(frozen=True, slots=True)
class Slow:
    """One request that took far longer than its route does."""

    at: datetime
    seconds: float
    looks: int
    stacks: list[dict[str, Any]]


def of_route(name: str) -> list[Slow]:
    """The latest first."""
    return [
        Slow(
            timezone.localtime(
                datetime.fromtimestamp(each["at"], tz=timezone.get_current_timezone())
            ),
            each["seconds"],
            each["looks"],
            each["stacks"][:STACKS],
        )
        for each in slow_requests()
        if each["route"] == name
    ]
