"""How many visits to a route a kept page would serve: the paths of one visit in eight.

Which one is decided by a hash of the path, so that all visits to the paths that are looked at are
(SHARDS: Waldspurger, Park, Garthwaite, Ahmad, "Efficient MRC Construction with SHARDS", FAST
2015). A visit is new where this process would have had to compute the page: it has not done so for
that path within KEEP seconds. ``1 - paths_new / paths`` is a lower bound of the hit ratio where
several processes share what they keep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.http import HttpRequest

from ._layout import LANE

if TYPE_CHECKING:
    from ._rows import Route
    from ._store import Store

ONE_IN: Final = 8
KEEP: Final = 600_000_000_000  # nanoseconds
MOST: Final = 512  # paths of a route; the one that was computed first goes first
PATHS, PATHS_NEW = LANE["paths"], LANE["paths_new"]


def look(store: Store, row: Route, request: HttpRequest, now: int) -> None:
    """Count a visit whose path is one of those looked at; ``now`` on the clock of the records."""
    path = hash((request.path_info, request.META.get("QUERY_STRING")))
    if path % ONE_IN:
        return
    with store.lock:
        seen = row.paths = row.paths if row.paths is not None else {}
        row.lanes[PATHS] += 1
        if now - seen.get(path, -KEEP) >= KEEP:
            row.lanes[PATHS_NEW] += 1
            seen.pop(path, None)
            if len(seen) >= MOST:
                del seen[next(iter(seen))]
            seen[path] = now
