"""What is kept for a connection: on the connection itself.

What reads rows calls the backend's converters, and those hold their connection. A table of all
connections would keep each of them, and what it has open at the server, after its thread has ended.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary


def kept_on(connection: Any) -> WeakKeyDictionary[Any, Any]:
    """By whom it is for, as long as that is there. It outlives the driver's connection: nothing of
    that may be in it."""
    kept = vars(connection).get("unhurried_kept")
    if kept is None:
        kept = vars(connection).setdefault("unhurried_kept", WeakKeyDictionary())
    return kept  # type: ignore[no-any-return]
