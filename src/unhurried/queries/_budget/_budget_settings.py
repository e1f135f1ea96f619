"""What may be wrong with ``BUDGETS`` and ``OVER_BUDGET``, and what was meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings as django_settings
from django.urls import get_resolver

from unhurried.conf import nearest, settings

from ._enforcing import ACTIONS


def wrong_entries() -> Iterator[tuple[str, str]]:
    """(message, hint) for each entry of BUDGETS that is no route or no number."""
    for route, budget in settings.BUDGETS.items():
        where = f"UNHURRIED['BUDGETS'][{route!r}]"
        if not isinstance(route, str):
            yield f"{where}: a route is a str.", 'Routes as in urls.py: "feed/", or "*".'
        elif type(budget) is not int or budget < 0:
            yield f"{where} is {budget!r}; it must be a number of queries.", f'"{route}": 20'


def wrong_actions() -> Iterator[tuple[str, str]]:
    """(message, hint) for each word of OVER_BUDGET that means nothing."""
    given = settings.OVER_BUDGET
    for word in (given,) if isinstance(given, str) else given:
        if word not in ACTIONS:
            close = nearest(str(word), ACTIONS)
            known = ", ".join(map(repr, ACTIONS))
            yield f"UNHURRIED['OVER_BUDGET'] has {word!r}.{close}", f"Known: {known}."


def unknown_routes() -> Iterator[tuple[str, str]]:
    """(message, hint) for each route of BUDGETS that no URL pattern has."""
    wanted = [route for route in settings.BUDGETS if isinstance(route, str) and route != "*"]
    if not wanted or not getattr(django_settings, "ROOT_URLCONF", None):
        return
    known = set(routes(get_resolver().url_patterns))
    for route in wanted:
        if route not in known and route.removeprefix("/") not in known:
            close = nearest(route.removeprefix("/"), sorted(known))
            hint = "Write it as urls.py does, with what include() puts in front."
            yield f"UNHURRIED['BUDGETS'] names {route!r}, which is no route.{close}", hint


def routes(patterns: Iterable[Any], before: str = "") -> Iterator[str]:
    """As ``resolver_match.route`` says them."""
    for pattern in patterns:
        # A resolver joins as Django does: without the caret of an included regular expression.
        own = str(pattern.pattern)
        route = before + (own.removeprefix("^") if before else own)
        if hasattr(pattern, "url_patterns"):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route
