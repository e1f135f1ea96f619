"""What state an entry is in: whether it is current, and whether it may be served here and now."""

from __future__ import annotations

from math import log
from time import time
from typing import Final

from django.db import connections

from .._chance import chance
from .._tokens import _spool
from .._tokens._home import home_named
from .._units._ties import dirtied, ties_of
from ._entry import Entry
from ._last import Last
from ._lookup import State

#: home -> (its world, its tokens), as far as they were asked already.
Known = dict[str, tuple[str, dict[str, int | None]]]
#: XFetch's beta: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede
#: Prevention", VLDB 2015.
BETA: Final = 1.0
#: When an entry was last seen valid here: its data were changed after that, if at all.
_valid: Last[float] = Last(20_000)


def forbidden(tags: tuple[str, ...]) -> str:
    """Why none of this may be served here and now, though its tokens may be current."""
    pending = _spool.pending()
    if pending and not pending.isdisjoint(tags):
        return "a token could not be renewed yet"
    if not dirtied:  # nobody in this process is changing anything
        return ""
    for connection in connections.all(initialized_only=True):
        dirty = ties_of(connection).dirty
        if dirty and not dirty.isdisjoint(tags):
            return "its own transaction has changed what it depends on"
    return ""


def state_of(entry: Entry, key: str, current: bool) -> State:  # noqa: FBT001 - the question
    now = time()
    if not current:
        last = _valid.get(key)
        since = entry.created if last is None else float(last)
        return "changed" if now < max(since, entry.created) + _span(entry) else "missing"
    if now >= entry.hard:
        return "missing"
    seen_valid(key, now)
    return "fresh" if now < entry.soft else "stale"


def seen_valid(key: str, now: float) -> None:
    """Its data have not changed until now; to the second."""
    last = _valid.get(key)
    if last is None or now - float(last) >= 1:
        _valid.put(key, now)


def _span(entry: Entry) -> float:
    return entry.hard - entry.created


def is_current(entry: Entry, known: Known | None = None) -> bool:
    """Whether each token it was computed from is still the one there is."""
    for home, (world, tokens) in entry.deps.items():
        there, now = (known or {}).get(home, ("", {}))
        if not tokens.keys() <= now.keys():
            where = home_named(home)
            if where is None:  # of a site that is set up otherwise
                return False
            tags = list(tokens)
            there, read = where.read(tags)
            now = dict(zip(tags, read, strict=True))
        if there != world or any(now[tag] != token for tag, token in tokens.items()):
            return False
    return True


def is_early(entry: Entry) -> bool:
    """Now and then before its time, the likelier the nearer and the dearer: so nobody waits."""
    return time() - entry.delta * BETA * log(chance.random() or 1e-300) >= entry.soft
