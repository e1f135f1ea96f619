"""Templates: a render's own time, without the queries, caches and calls inside it."""

from __future__ import annotations

from typing import Any

from django.template import base

from .._record import TEMPLATE, current
from .._wraps import wrap

WHY = "Rendering has no signal outside tests; charging self time needs its beginning and end."
COST = "0.1 us outside a unit of work, about 1 us inside"


def _make(render: Any) -> Any:
    def inner(self: Any, context: Any) -> Any:
        record = current.get()
        if record is None or record.stack[-1] == TEMPLATE or record.store.cost.shedding:
            return render(self, context)
        record.enter(TEMPLATE)
        try:
            return render(self, context)
        finally:
            record.leave(TEMPLATE)

    inner.__wrapped__ = render  # type: ignore[attr-defined]
    return inner


def install() -> None:
    """Wrap the public ``render``; ``_render`` is left alone, django.test replaces that one."""
    wrap(base.Template, "render", _make, why=WHY, cost=COST)
    partial = getattr(base, "PartialTemplate", None)  # from Django 6.0
    if partial is not None:
        wrap(partial, "render", _make, why=WHY, cost=COST)
