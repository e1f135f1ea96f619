"""The one method this room wraps, and only while origins are tracked.

``QuerySet.__init__``: Django sends no signal when a queryset is made. ``_clone`` passes it with a
query given, so clones cost a comparison. Cost while tracking: a walk up the stack per queryset
made, and a dictionary entry per instance; off: nothing, it is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

installed: list[Any] = []


def install(made: Callable[[Any, Any], None]) -> None:
    """Have ``made(queryset, query)`` called after each ``__init__``."""
    original = QuerySet.__init__

    def init(
        self: Any, model: Any = None, query: Any = None, using: Any = None, hints: Any = None
    ) -> None:
        original(self, model, query, using, hints)
        made(self, query)

    init.__wrapped__ = original  # type: ignore[attr-defined]
    QuerySet.__init__ = init  # type: ignore[method-assign]
    installed.append(original)


def remove() -> None:
    """Put the original back."""
    if installed:
        QuerySet.__init__ = installed.pop()  # type: ignore[method-assign]
