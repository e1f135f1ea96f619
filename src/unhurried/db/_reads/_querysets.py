"""Whether a queryset's rows are what Django makes of them, or its class makes something else."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import QuerySet
from django.db.models.query import ModelIterable

#: By these a queryset reads its rows, and may change them, as django-simple-history's does.
STEPS: Final = ("__iter__", "_fetch_all")


def is_stock(kind: type) -> bool:
    """Django's own, or the one of ours that counts; others make something else of rows."""
    return kind is ModelIterable or kind.__module__.startswith("unhurried.")


def gives_values(kind: type) -> bool:
    """The same of what ``values()`` and ``values_list()`` set."""
    return kind.__module__.partition(".")[0] in ("django", "unhurried")


def own_step(rows: Any) -> str | None:
    """What the queryset's class does in a way of its own, all that its rows are."""
    kind = type(rows)
    for name in STEPS:
        if getattr(kind, name) is not getattr(QuerySet, name):
            return f"{kind.__name__}.{name}"
    return None
