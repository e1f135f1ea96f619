"""What this process has lately deferred, field by field: a loaded row may not show it yet."""

from __future__ import annotations

import time
from typing import Any, Final

WINDOW: Final = 10.0  # seconds within which what was deferred may not have been applied
MOST: Final = 1000  # fields that are remembered

Field = tuple[str, str, str]  # alias, model, field
ADDED: Final = object()  # what a field is of which a sum has been deferred

#: The last value, when it was deferred, and when another one was, before it.
_last: dict[Field, tuple[Any, float, float]] = {}


def note(field: Field, value: Any) -> None:
    """The value, as JSON tells it, has been deferred, or ADDED."""
    now = time.monotonic()
    before, at, other = _last.get(field, (value, now, -WINDOW))
    if before is ADDED or type(before) is not type(value) or before != value:
        other = at
    if field in _last or len(_last) < MOST:
        _last[field] = value, now, other


def may_differ(field: Field, value: Any) -> bool:
    """Whether another value waits, perhaps, so that a row that has this one must be written."""
    if field not in _last:
        return len(_last) >= MOST
    before, at, other = _last[field]
    same = before is not ADDED and type(before) is type(value) and before == value
    return time.monotonic() - (other if same else at) < WINDOW
