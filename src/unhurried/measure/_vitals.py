"""What browsers tell of a page view: by route and metric, how many, their sum, sixteen buckets.

Times come in milliseconds and are kept in microseconds; CLS, which has no unit, in millionths.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

from . import _layout as L
from ._buckets import COARSE_NS
from ._folding import at_once
from ._locks import locked
from ._names import LONGEST
from ._store import Store

#: What a browser may tell: milliseconds since the navigation began; of "inp" and "server", how
#: long it took; "cls" by itself.
VITALS: Final = ("ttfb", "response", "dom", "load", "lcp", "inp", "server", "cls")
#: What is made of them: what the browser took by itself, once it had the page.
FRONT: Final = "front"

_TIME_EDGES: Final = tuple(edge // 1000 for edge in COARSE_NS)
#: web.dev calls up to 0.1 good and above 0.25 poor.
_CLS_EDGES: Final = (
    *(0, 10_000, 25_000, 50_000, 75_000, 100_000, 150_000, 200_000, 250_000),
    *(350_000, 500_000, 750_000, 1_000_000, 2_000_000, 5_000_000),
)
_COUNT, _SUM, _LAST = (L.VITAL.index(name) for name in ("count", "sum", "last"))
_BUCKETS: Final = L.VITAL.index("vital_0")


def edges(metric: str) -> tuple[int, ...]:
    """Upper edges of its buckets, the last one open; in microseconds, of CLS in millionths."""
    return _CLS_EDGES if metric == "cls" else _TIME_EDGES


def keep(route: str, told: Mapping[str, float]) -> None:
    """Add one page view; nothing, where no page of that route was ever measured.

    ``told``: some of ``VITALS``. Never raises for a reason of the world's.
    """
    at_once(lambda store: _write(store, route, told))


def front(told: Mapping[str, float]) -> float | None:
    """Milliseconds from the page's last byte to its being loaded, or to its largest part, if later.

    None where the page was left before it was loaded.
    """
    if "load" not in told or "response" not in told:
        return None
    return max(told["load"], told.get("lcp", 0.0), told["response"]) - told["response"]


def _write(store: Store, route: str, told: Mapping[str, float]) -> None:
    known = _known(store, route)
    if known is None:
        return
    own = front(told)
    for metric, value in {**told, **({} if own is None else {FRONT: own})}.items():
        scaled = round(value * (1_000_000 if metric == "cls" else 1000))
        _, lanes = store.row("vital", [known, metric])
        lanes[_SUM] += scaled
        lanes[_LAST] = int(time.time())
        lanes[_BUCKETS + bisect_left(edges(metric), scaled)] += 1
        lanes[_COUNT] += 1


def _known(store: Store, route: str) -> str | None:
    """The name its numbers stand under; None for one that no process has measured."""
    key = ("request", route[:LONGEST])
    rows = store.names.rows["route"]
    if key not in rows:
        with locked(store.folder):
            store.names.refresh()
    if key in rows:
        return key[1]
    return L.OTHER if any(name == L.OTHER for _, name in rows) else None
