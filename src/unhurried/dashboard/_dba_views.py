"""The page of the ten questions, for each PostgreSQL among the databases."""

from __future__ import annotations

from typing import Any, Final

from django.db import connections
from django.http import HttpRequest, HttpResponse

from unhurried.db import DbError
from unhurried.db.reading import BAD, FINE, LOOK, STATES, UNKNOWN, Answer, Item, ask_dba

from . import _routes
from ._numbers import notice
from ._numbers import read as read_site
from ._page import page, render
from ._queries import brief

HEADINGS: Final = {
    BAD: "To be done now",
    LOOK: "Worth a look",
    UNKNOWN: "Not answered",
    FINE: "Nothing to do",
}


@page
def dba(request: HttpRequest) -> HttpResponse:
    site: dict[str, Any] = {"site": read_site(_routes.own_prefix()), "notice": notice()}
    aliases = [alias for alias in connections if connections[alias].vendor == "postgresql"]
    alias = request.GET.get("using") or next(iter(aliases), "default")
    site |= {"aliases": aliases, "alias": alias}
    try:
        report = ask_dba(alias)
    except DbError as error:
        status = 404 if alias not in connections else 503 if alias in aliases else 200
        return render(request, "dba", status=status, trouble=error, **site)
    groups = [
        (HEADINGS[state], state, [_shown(a) for a in report.answers if a.state == state])
        for state in STATES
    ]
    return render(request, "dba", report=report, groups=[g for g in groups if g[2]], **site)


def _shown(answer: Answer) -> dict[str, Any]:
    """An answer with its texts as short as they may be."""
    return {
        "answer": answer,
        "remedy": answer.remedy if answer.state != FINE else (),
        "items": [_item(item) for item in answer.items],
    }


def _item(item: Item) -> dict[str, Any]:
    return {
        "what": brief(item.what),
        "number": item.number,
        "notes": [brief(note) for note in item.notes],
        "remedy": item.remedy,
    }
