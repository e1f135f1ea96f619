"""The head of the front page: what the last sample says, and what the last hour had of errors."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from . import _format
from ._numbers import Site
from ._series import Samples

RECENT: Final = 30  # seconds; an older sample is no longer "now"


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    value: str
    note: str = ""
    bad: bool = False


def now(found: Samples, site: Site) -> list[Figure]:
    """Five figures; a dash where nothing has been asked for lately."""
    errors = sum(sample["total"]["errors"] for _, sample in found if sample)
    under_way = sum(row.numbers["in_flight"] for row in (*site.routes, *site.units))
    return [
        *_lately(found),
        Figure("errors", _format.count(errors), "in the last hour", bad=bool(errors)),
        Figure("in flight", _format.count(under_way), "at this moment"),
    ]


def _lately(found: Samples) -> list[Figure]:
    at, sample = found[-1] if found else (0.0, {})
    total = sample.get("total") if time.time() - at < RECENT else None
    if not total or not total["requests"]:
        return [
            Figure(name, "\u2013", "nobody asks just now")
            for name in ("requests/s", "p95", "queries p95")
        ]
    rate = total["requests"] / sample["seconds"]
    span = f"in {_format.seconds(round(sample['seconds']))}"
    wall, queries = total["wall"], total["queries"]
    return [
        Figure("requests/s", _format.digits(rate), span),
        Figure("p95", _format.seconds(wall["p95"]), f"p50 {_format.seconds(wall['p50'])}"),
        Figure(
            "queries p95", _format.count(queries["p95"]), f"p50 {_format.count(queries['p50'])}"
        ),
    ]
