"""Entries that only their readers lead to: the background asks as nobody, which leads elsewhere.

Behind ``login_required``, say, or a middleware that activates the visitor's time zone. Nobody would
ever make them anew, if their readers did not.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from time import monotonic
from typing import Final

SPAN: Final = 300.0  # seconds; then the background may try once more
MOST: Final = 10_000

_until: OrderedDict[str, float] = OrderedDict()
_lock = Lock()


def leave(key: str) -> None:
    """To its readers, of this process."""
    with _lock:
        _until[key] = monotonic() + SPAN
        _until.move_to_end(key)
        if len(_until) > MOST:
            _until.popitem(last=False)


def is_left(key: str) -> bool:
    return monotonic() < _until.get(key, 0.0)
