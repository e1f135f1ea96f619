"""The page of what is kept, and that of one thing: how often it was of use, and why it was not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from time import time
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from unhurried.cache import CacheError
from unhurried.cache.reading import Why, all_of_it, hint_of, why

from . import _bars, _format, _routes
from ._bars import Segment
from ._numbers import notice
from ._numbers import read as read_site
from ._page import page, render

KIND = "kept"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing on the page: what is known of it, its address, its bar."""

    why: Why
    slug: str
    bar: list[Segment]

    @property
    def bar_text(self) -> str:
        return ", ".join(f"{part.label} {part.percent} %" for part in self.bar)

    @property
    def age(self) -> float | None:
        """Seconds since one was stored."""
        return max(time() - self.why.stored, 0.0) if self.why.stored else None


@page
def cache(request: HttpRequest) -> HttpResponse:
    rows = [_row(each) for each in all_of_it()]
    asked = [row for row in rows if row.why.hit_ratio is not None]
    total = _total(row.why for row in asked)
    site = read_site(_routes.own_prefix())
    return render(request, "cache", site=site, notice=notice(), rows=rows, total=total)


@page
def kept(request: HttpRequest, slug: str) -> HttpResponse:
    name = _routes.unslug(slug)
    try:
        found = why(name[1]) if name is not None and name[0] == KIND else None
    except CacheError:
        found = None
    if found is None:
        raise Http404
    return render(
        request,
        "kept",
        site=read_site(_routes.own_prefix()),
        notice=notice(),
        row=_row(found),
        why=found,
        ties=[(tie, max(time() - tie.changed, 0.0) if tie.changed else None) for tie in found.ties],
        reasons=[
            (each, max(time() - each.last, 0.0), hint_of(each.text, found.kind))
            for each in found.reasons
        ],
    )


def _row(each: Why) -> Row:
    parts = {"kept": float(each.hits), "made": float(each.misses)}
    bar = _bars.stacked(parts) if each.hit_ratio is not None else []
    return Row(each, _routes.slug(KIND, each.name), bar)


def _total(asked: Iterable[Why]) -> dict[str, Any]:
    found = list(asked)
    hits, misses = sum(each.hits for each in found), sum(each.misses for each in found)
    return {
        "hits": hits,
        "misses": misses,
        "ratio": _format.percent(hits / (hits + misses)) if hits + misses else "-",
        "saved": sum(each.saved for each in found),
        "refused": sum(bool(each.reasons) for each in found),
    }
