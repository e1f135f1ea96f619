"""The lane "cache": each entry that is wanted is made anew, one after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings as django_settings
from django.urls import get_resolver

from unhurried.conf import settings
from unhurried.later.reading import kick, lane

from .._engine import _alone, _refreshing
from .._engine._look import glance, noted
from .._engine._lookup import Lookup
from .._engine._policy import Policy
from .._errors import CacheError, Unavailable
from .._functions import _registry
from .._pages import _again
from .._stores import store_for
from . import _wanted

logger = logging.getLogger("unhurried")
LANE = "cache"
Refresh = Callable[[dict[str, Any]], None]


@lane(LANE)
def drain() -> None:
    """All that is wanted here, then all that is wanted anywhere."""
    for key, policy, meta in _wanted.taken_here():
        _make(policy.name, policy.refresh, meta)
        _see_to(policy, key)
    if settings.LATER != "thread":
        for alias in django_settings.CACHES:
            try:
                store = store_for(alias)
            except CacheError:
                continue  # no cache of ours
            for name, kind, meta in _wanted.taken(store):
                _make(name, _refresh_of(name, kind), meta)


def ask(lookup: Lookup) -> None:
    """Want an entry anew; it takes microseconds, and never raises."""
    entry, policy = lookup.entry, lookup.policy
    if entry is None or lookup.store is None or policy.refresh is None:
        return
    anywhere = settings.LATER != "thread" and _wanted.wish_anywhere(
        lookup.store, lookup.key, policy, entry.meta
    )
    if anywhere and _wanted.is_overdue(lookup.key, entry.created):
        _alone.leave(lookup.key)
    if anywhere or _wanted.wish_here(lookup.key, policy, entry.meta):
        kick(LANE, label=policy.name)


def _make(name: str, refresh: Refresh | None, meta: dict[str, Any]) -> None:
    if refresh is None:
        return
    try:
        refresh(meta)
    except Exception:  # boundary: the site's own code; the old entry stays until its ttl is over
        logger.exception("%s could not be made anew in the background.", name)


def _refresh_of(name: str, kind: str) -> Refresh | None:
    """A page is asked for by its URL, whoever else has its name."""
    if kind == "page":
        return _again.regenerate
    thing = _thing(name)
    return thing.policy.refresh if thing is not None else None


def _see_to(policy: Policy, key: str) -> None:
    """Whether that has made it anew. What fails is tried again by the background."""
    lookup = glance(policy, key)
    try:
        if lookup.store is not None and lookup.state != "fresh" and not noted(lookup).tries:
            _alone.leave(key)
    except Unavailable:
        pass


def _thing(name: str) -> Any:
    """What is cached by that name; a worker may not have loaded the site's views yet."""
    if name not in _registry.known:
        _ = get_resolver().url_patterns
    return _registry.known.get(name)


def install() -> None:
    if ask not in _refreshing.askers:
        _refreshing.askers.append(ask)
