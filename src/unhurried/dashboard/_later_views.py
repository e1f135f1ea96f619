"""The page of what waits: lanes, pages in the making, and what could not be done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie

from unhurried.later.reading import (
    LINE,
    DeadRow,
    LaneFigures,
    LaneStatus,
    aliases,
    discard,
    figures_of_lanes,
    installed,
    lanes_now,
    newest_dead,
    retry,
    running_views,
    write_read_ratio,
)

from . import _routes
from ._numbers import notice
from ._numbers import read as read_site
from ._page import act, page, render

GONE = "It is not there any more: somebody has tried it again, or discarded it."


@dataclass(frozen=True, slots=True)
class Row:
    """A lane: what waits in it, and what it has brought."""

    status: LaneStatus
    figures: LaneFigures

    @property
    def several(self) -> bool:
        return self.status.alias != "default"


@page
@ensure_csrf_cookie  # a site may have left CsrfViewMiddleware out
def later(request: HttpRequest) -> HttpResponse:
    site: dict[str, Any] = {"site": read_site(_routes.own_prefix()), "notice": notice()}
    if not installed():
        return render(request, "later", missing=f"{LINE}, and manage.py migrate", **site)
    try:
        if not aliases():
            return render(request, "later", missing="manage.py migrate", **site)
        return render(request, "later", **site, **_found(request))
    except DatabaseError as error:
        return render(request, "later", status=503, trouble=type(error).__name__, **site)


def _found(request: HttpRequest) -> dict[str, Any]:
    figures = figures_of_lanes()
    now = {each.lane: each for each in lanes_now()}
    known = [LaneStatus("default", lane) for lane in figures if lane not in now]
    rows = [
        Row(each, figures.get(each.lane, LaneFigures(each.lane)))
        for each in [*now.values(), *known]
    ]
    return {
        "rows": rows,
        "dead": [(each, _age(each)) for each in newest_dead()],
        "views": running_views(),
        "ratios": [each for each in write_read_ratio() if each.writes],
        "advice": [each for each in figures.values() if each.advice],
        "total": {
            "waiting": sum(row.status.waiting for row in rows),
            "lag": max((row.status.lag for row in rows), default=0.0),
            "deferred": sum(row.figures.deferred for row in rows),
            "spared": sum(row.figures.merged + row.figures.suppressed for row in rows),
            "dead": sum(row.status.dead for row in rows),
        },
        "csrf_token": get_token(request),
    }


def _age(row: DeadRow) -> float:
    now = datetime.now(UTC) if row.died.tzinfo else datetime.now()
    return max((now - row.died).total_seconds(), 0.0)


@act
def bury(request: HttpRequest, alias: str, pk: int) -> HttpResponse:
    """Have a dead one tried again, or discard it."""
    done = request.POST.get("do")
    if alias not in aliases() or done not in ("retry", "discard"):
        return HttpResponse("Nothing is called that.", status=400, content_type="text/plain")
    if not (retry if done == "retry" else discard)(alias, pk):
        return HttpResponse(GONE, status=404, content_type="text/plain")
    return HttpResponseRedirect(reverse("unhurried:later"))
