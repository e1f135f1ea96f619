"""The pages: front, routes, one route, the site's own instruments; and their charts' numbers."""

from __future__ import annotations

from array import array
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from unhurried.measure.reading import COUNT, GROUPS, LANE, TIME, buckets_of, reader

from . import _badge_switch, _bars, _format, _query_views, _routes, _series, _slow, _verdict_views
from ._histogram import Histogram, histogram
from ._hits import with_hits
from ._now import now
from ._numbers import INSTRUMENTS, Row, Site, in_order, notice, read
from ._page import data, page, render
from ._sorting import columns, in_sequence

FRONT_ROUTES = 10
FRONT_OWN = 12


@page
def front(request: HttpRequest) -> HttpResponse:
    site = read(_routes.own_prefix())
    own, span = _instruments(site), _series.known_span(request.GET.get("span"))
    return render(
        request,
        "front",
        **_frame(request, site),
        **_verdict_views.of_site(request, site),
        **_verdict_views.links(request, span),
        now=now(_series.total_samples("hour"), site),
        rows=with_hits(site.routes[:FRONT_ROUTES]),
        more=max(len(site.routes) - FRONT_ROUTES, 0),
        charts_url=reverse("unhurried:data_total"),
        own=own[:FRONT_OWN],
        more_own=max(len(own) - FRONT_OWN, 0),
        own_url=reverse("unhurried:data_yours"),
    )


@page
def routes(request: HttpRequest) -> HttpResponse:
    site = read(_routes.own_prefix())
    sort = request.GET.get("sort", "")
    return render(
        request,
        "routes",
        **_frame(request, site),
        columns=columns(sort),
        tables=[
            ("Routes", "", "Requests", with_hits(in_sequence(site.routes, sort))),
            ("Work outside requests", "commands, tasks, measured() units", "Runs", site.units),
            ("This dashboard\u2019s own", "not in the shares above", "Requests", site.own),
        ],
    )


@page
def route(request: HttpRequest, slug: str) -> HttpResponse:
    site = read(_routes.own_prefix())
    row = _find(site, slug)
    numbers = row.numbers
    return render(
        request,
        "route",
        **_frame(request, site),
        row=row,
        where=_bars.stacked(in_order(numbers["where"])),
        how=_bars.stacked(numbers["how"]),
        cpu=_bars.stacked(in_order(numbers["cpu_by_part"]) if numbers["cpu_by_part"] else {}),
        statuses=numbers["statuses"].items(),
        mean_queue=numbers["queue"]["sum"] / max(numbers["queue"]["count"], 1),
        slow=_slow.of_route(row.name) if row.kind == "request" else [],
        charts_url=reverse("unhurried:data_route", args=[slug]),
        **_verdict_views.of_route(row),
        **_query_views.of_route(site, row),
        **_distributions(row),
    )


@page
def yours(request: HttpRequest) -> HttpResponse:
    site = read(_routes.own_prefix())
    return render(
        request,
        "yours",
        **_frame(request, site),
        own=_instruments(site),
        own_url=reverse("unhurried:data_yours"),
    )


@page
def badge(request: HttpRequest, state: str) -> HttpResponse:
    return _badge_switch.switch(request, state)


@data
def data_total(request: HttpRequest) -> HttpResponse:
    span = _series.known_span(request.GET.get("span"))
    found = _series.total_samples(span)
    return JsonResponse(_series.document(span, found, _series.total(found)))


@data
def data_route(request: HttpRequest, slug: str) -> HttpResponse:
    key = _routes.unslug(slug)
    if key is None:
        raise Http404("No route has this address.")
    span = _series.known_span(request.GET.get("span"))
    found = _series.samples(span)
    return JsonResponse(_series.document(span, found, _series.route(found, *key)))


@data
def data_yours(request: HttpRequest) -> HttpResponse:
    span = _series.known_span(request.GET.get("span"))
    found = _series.samples(span)
    names = {kind: read().numbers[kind] for kind in INSTRUMENTS}
    return JsonResponse(_series.document(span, found, _series.instruments(found, names)))


def _frame(request: HttpRequest, site: Site) -> dict[str, Any]:
    span = _series.known_span(request.GET.get("span"))
    return {"site": site, "notice": notice(), "span": span, "spans": _series.spans()}


def _instruments(site: Site) -> list[tuple[str, str, Any, str]]:
    """(kind, name, value, id) of all that is the site's own."""
    return [
        (kind, name, value, _routes.slug(kind, name))
        for kind in INSTRUMENTS
        for name, value in site.numbers[kind].items()
    ]


def _find(site: Site, slug: str) -> Row:
    key = _routes.unslug(slug)
    for row in (*site.routes, *site.units, *site.own):
        if (row.kind, row.name) == key:
            return row
    raise Http404("This route has not been measured, or not since the store was begun anew.")


def _distributions(row: Row) -> dict[str, Any]:
    """Latency and query counts, drawn from the fine buckets of all processes."""
    source = reader()
    if source is None:
        return {}
    number = source.names.order["route"].index((row.kind, row.name))
    fine = source.fine(GROUPS["route"], number, LANE["requests"])
    return {"latency": _latency(row.numbers, fine), "counts": _counts(row.numbers, fine)}


def _latency(numbers: dict[str, Any], fine: array[int]) -> Histogram | None:
    buckets = buckets_of(fine, "wall")
    marks = {name: numbers["wall"][name] * 1e9 for name in _series.QUANTILES}
    return histogram(buckets, TIME, marks, lambda ns: _format.seconds(ns / 1e9))


def _counts(numbers: dict[str, Any], fine: array[int]) -> Histogram | None:
    buckets = buckets_of(fine, "queries")
    buckets[0] += max(numbers["requests"] - sum(buckets), 0)  # those without any are not written
    marks = {name: numbers["queries"][name] for name in _series.QUANTILES}
    return histogram(buckets, COUNT, marks, _format.count)
