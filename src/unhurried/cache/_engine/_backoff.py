"""After a failed regeneration: the old entry is served for a while before the next attempt."""

from __future__ import annotations

import json
from time import time
from typing import Final

LONGEST: Final = 60.0


def backed_off(data: bytes | None) -> bool:
    """Whether it is too early to try again."""
    return data is not None and time() < _parse(data)[0]


def next_backoff(data: bytes | None) -> tuple[bytes, float]:
    """What to keep after one more failure, and for how many seconds: 1, 2, 4 … 60."""
    tries = (_parse(data)[1] if data else 0) + 1
    pause = min(2.0 ** (tries - 1), LONGEST)
    return json.dumps([time() + pause, tries]).encode(), pause * 2 + 1


def _parse(data: bytes) -> tuple[float, int]:
    try:
        until, tries = json.loads(data)
        return float(until), int(tries)
    except (ValueError, TypeError):
        return 0.0, 0
