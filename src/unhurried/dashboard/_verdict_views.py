"""The verdict on pages: of which time it is asked, and what a page shows of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest

from unhurried.diagnose.reading import FINE, TOO_LITTLE, Verdict, verdict

from . import _bars, _findings, _format, _routes
from ._numbers import Row, Site, in_order

#: What ``?minutes=`` may be, and what its link says.
SPANS: Final = {"10": "10 min", "60": "hour", "all": "this release"}
DEFAULT: Final = "60"
#: The judge's parts, each with its colour in every bar; others would get one by their place.
TONES: Final = {
    "queue": "spare-0",
    "way": "way",
    "db": "db",
    "cache": "cache",
    "http": "http",
    "template": "template",
    "view": "view",
    "browser": "spare-2",
}
SPARE: Final = 6  # colours for parts of other names


def of_site(request: HttpRequest, site: Site) -> dict[str, Any]:
    """What the front page shows; nothing is judged where nothing is measured."""
    asked = known(request.GET.get("minutes"))
    if site.is_empty:
        return {"verdict": None}
    found = verdict(None if asked == "all" else float(asked))
    labels = {row.name: row for row in site.routes}
    return {
        "verdict": found,
        "basis": basis(found),
        "fine": found.state == FINE,
        "too_little": found.state == TOO_LITTLE,
        "findings": _findings.shown(found, labels),
        "came": _findings.came(found, labels),
        "slowest": slowest(found, labels),
        **parts(found, site),
    }


def of_route(row: Row) -> dict[str, Any]:
    """The findings of the last hour that are about one route, and what came of earlier ones."""
    if row.kind != "request":
        return {"findings": [], "came": []}
    judged, routes = verdict(float(DEFAULT)), {row.name: row}
    came = _findings.came(judged, routes)
    return {
        "findings": _findings.shown(judged, routes, only=row.name),
        "came": [each for each in came if each.promise.route == row.name],
    }


def links(request: HttpRequest, span: str) -> dict[str, Any]:
    """The spans of the verdict as (query, text, whether it is this one); charts keep theirs."""
    asked = known(request.GET.get("minutes"))
    of_charts = {"span": span} if request.GET.get("span") else {}
    return {
        "minutes": [
            (f"?{urlencode({'minutes': each, **of_charts})}", text, each == asked)
            for each, text in SPANS.items()
        ],
        "kept_query": "" if asked == DEFAULT else f"minutes={asked}&",
    }


def known(asked: str | None) -> str:
    return asked if asked in SPANS else DEFAULT


def basis(found: Verdict) -> str:
    """``of 12.4 k requests in 60 min, 390 ms each``: what the verdict is of."""
    if not found.requests:
        return ""
    said = f"{_format.count(found.requests)} request{'' if found.requests == 1 else 's'}"
    if found.seconds:
        said += f" in {_format.seconds(found.seconds)}"
    return f"{said}, {_format.seconds(found.mean)} each" if found.mean else said


def slowest(found: Verdict, rows: dict[str, Row]) -> dict[str, Any] | None:
    if found.slowest is None:
        return None
    name, mean = found.slowest
    row = rows.get(name)
    label, slug = _routes.label("request", name), row.slug if row is not None else None
    return {"label": label, "slug": slug, "mean": mean, "named": label in found.said}


def parts(found: Verdict, site: Site) -> dict[str, Any]:
    """One bar; while there is not enough to judge, of all that was ever measured."""
    # A clock that was set back leaves less than nothing, which can't be drawn.
    drawn = {name: max(seconds, 0.0) for name, seconds in found.parts.items()}
    if any(drawn.values()):
        return {"parts": _toned(_bars.stacked(drawn)), "parts_of": ""}
    whole = in_order(site.sums("where")) if site.routes else {}
    return {"parts": _bars.stacked(whole), "parts_of": "since the beginning"}


def _toned(segments: Iterable[_bars.Segment]) -> list[_bars.Segment]:
    found, spare = [], 0
    for segment in segments:
        tone = TONES.get(segment.name)
        if tone is None:
            tone, spare = f"spare-{spare % SPARE}", spare + 1
        found.append(replace(segment, name=tone))
    return found
