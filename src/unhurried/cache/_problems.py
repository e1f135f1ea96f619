"""What is wrong with how a site keeps things, for the checks; quiet where it keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db import DatabaseError, connections

from unhurried.conf import settings

from ._audience import _risky
from ._audience._urls import pages
from ._edges._problems import problems as problems_of_edges
from ._engine._beside import beside
from ._functions import _registry
from ._tokens import problems as of_tokens
from ._tokens import server_problems
from ._units import _catalogues

__all__ = [
    "keeps",
    "problems",
    "problems_of_databases",
    "problems_of_edges",
    "problems_of_servers",
]
Problem = tuple[str, str, str]


def keeps() -> bool:
    """Whether anything here is cached; the site's URLs are loaded to know it."""
    return bool(list(pages()) or _registry.known)


def problems() -> Iterator[Problem]:
    """(kind, message, hint) of settings, tokens, views and middleware; nothing is connected to."""
    if not keeps():
        return
    if settings.DEADLINE < 2:
        yield (
            "deadline",
            f"UNHURRIED['DEADLINE'] is {settings.DEADLINE!r}; cache servers count whole seconds.",
            "Say 2 or more; 10 is the default.",
        )
    if settings.WAIT <= 0:
        yield (
            "wait",
            f"UNHURRIED['WAIT'] is {settings.WAIT!r}: nobody would wait, and all compute at once.",
            "Say how many seconds a reader waits; 10 is the default.",
        )
    yield from of_tokens()
    yield from _risky.problems()
    wrong, way_out = beside()
    if wrong:
        yield "beside", f"{wrong}: nothing is kept.", f"{way_out}, or do without cached_page here."


def problems_of_servers() -> Iterator[Problem]:
    """The same of the servers that hold tokens, which are asked."""
    if keeps():
        yield from server_problems()


def problems_of_databases(aliases: Sequence[str]) -> Iterator[Problem]:
    """Triggers whose bodies can't be read; the databases are asked."""
    if not keeps():
        return
    for alias in aliases:
        try:
            opaque = _catalogues.of(connections[alias]).opaque
        except DatabaseError:
            continue  # Django's own checks say so
        for table in opaque:
            yield (
                "trigger",
                f"{alias}: nobody can tell what the triggers of {table} write, so each write there "
                "makes all that is kept old.",
                f'UNHURRIED = {{"TRIGGERS": {{"{table}": ["the", "tables", "they", "write"]}}}}',
            )
