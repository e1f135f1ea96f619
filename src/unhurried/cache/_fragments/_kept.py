"""A text that is kept by itself, with holes where it holds what is another for each reader."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from .._audience import observing, unproven
from .._audience._proven import Choice
from .._engine import _counts
from .._engine._around import surroundings
from .._engine._compute import Computing, stand_in
from .._engine._entry import Entry
from .._engine._look import use
from .._engine._lookup import SERVED, Lookup
from .._engine._wait import wait
from .._errors import CacheError
from .._units._caches import noticed
from ._holes import Collector, Holed, collected
from ._place import placed


def kept(
    lookup: Lookup,
    make: Callable[[], str],
    request: Any,
    *,
    lazies: Mapping[str, object] | None = None,
    audience: Choice = "all",
    allowed: Collection[str] = (),
) -> SafeString:
    """What the lookup has found, or what ``make`` makes: kept, if it is proven to be for all.

    ``lazies``, ``audience`` and ``allowed`` are as ``observing`` and ``unproven`` have them.
    """
    if lookup.act == "wait":
        lookup = wait(lookup)
    if lookup.act in SERVED:
        entry = use(lookup)
        _counts.hit(lookup.policy.name, lookup.state, entry.delta)
        return _text(entry, request)
    try:
        with Computing(lookup) as computing:
            made = Collector()
            writes = computing.unit.writes
            watched = observing(request, lazies)
            with watched as seen, collected(made), noticed(computing.unit):
                holed = made.split(make().encode())
            known = unproven(seen.touched, audience=audience, allowed=allowed, kind="fragment")
            for what, line in known.items():
                computing.refuse(f"{line} looks at {what}")
            for reason in (*made.refusals, *holed.reasons()):
                computing.refuse(reason)
            if table := computing.unit.written_since(writes):
                computing.wrote(table)
            meta: dict[str, Any] = {**surroundings()}
            if holed.holes:
                meta["holes"] = holed.holes
            entry = computing.keep((holed.text,), meta)
    except Exception as error:  # boundary: a regeneration that fails has an old part behind it
        entry = stand_in(lookup, error)
    return _text(entry, request)


def _text(entry: Entry, request: Any) -> SafeString:
    holes = entry.meta.get("holes", [])
    if not holes:
        return mark_safe(entry.bodies[0].decode())
    if request is None:
        raise CacheError(
            "A part of a template that is kept has fragments, and there is no request here.",
            "Render the template with one: render(request, …), or put it into the context.",
        )
    holed = Holed(entry.bodies[0], holes)
    return mark_safe(holed.filled(placed(request, holed.pieces())).decode())
