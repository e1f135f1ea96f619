"""The page of queries, and the part about them on a route's page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from unhurried.measure.reading import reader
from unhurried.queries.reading import waterfall

from . import _queries, _routes, _waterfall
from ._numbers import Row, Site, notice
from ._numbers import read as read_site
from ._page import page, render

TEXTS: Final = 50  # statements on the page; the command lists all
TEXTS_OF_ROUTE: Final = 20


@page
def queries(request: HttpRequest) -> HttpResponse:
    prefix = _routes.own_prefix()
    site = read_site(prefix)
    asked = _queries.read(site, prefix)
    return render(
        request,
        "queries",
        site=site,
        notice=notice(),
        repeats=asked.repeats,
        texts=asked.texts[:TEXTS],
        more=max(len(asked.texts) - TEXTS, 0),
        total=_total(asked.texts),
    )


def of_route(site: Site, row: Row) -> dict[str, Any]:
    """Its repeats, its statements and its latest sampled request."""
    asked = _queries.read(site, only=(row.kind, row.name))
    source = reader()
    found = None if source is None else waterfall(source, row.kind, row.name)
    floors = {each["alias"]: each["floor"] for each in asked.statements}
    return {
        "repeats": asked.repeats,
        "texts": asked.texts[:TEXTS_OF_ROUTE],
        "more_texts": max(len(asked.texts) - TEXTS_OF_ROUTE, 0),
        "total": _total(asked.texts),
        "drawing": _waterfall.drawing(found, floors),
        "ticks": () if found is None else _waterfall.ticks(found.wall),
    }


def _total(texts: Iterable[_queries.Text]) -> dict[str, float]:
    """Seconds on the way and at work, and how many round trips."""
    texts = list(texts)
    way, seconds = sum(text.way for text in texts), sum(text.seconds for text in texts)
    return {
        "count": sum(text.count for text in texts),
        "seconds": seconds,
        "way": way,
        "work": seconds - way,
        "share": way / seconds if seconds else 0.0,
    }
