"""Entries that only their readers lead to: the background asks as nobody, which leads elsewhere.

Behind ``login_required``, say, or a middleware that activates the visitor's time zone. Nobody would
ever make them anew, if their readers did not.
"""

from __future__ import annotations

from time import monotonic
from typing import Final

from ._last import Last

SPAN: Final = 300.0  # seconds; then the background may try once more
MOST: Final = 10_000

_until: Last[float] = Last(MOST)


def leave(key: str) -> None:
    """To its readers, of this process."""
    _until.put(key, monotonic() + SPAN)


def is_left(key: str) -> bool:
    return monotonic() < (_until.get(key) or 0.0)
