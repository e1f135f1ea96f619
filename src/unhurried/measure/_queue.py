"""Queue time: how long a request waited between the proxy and us, from ``X-Request-Start``."""

from __future__ import annotations

from time import time
from typing import Final

OLDEST: Final = 600.0  # seconds; nobody waits longer, a clock is wrong
AHEAD: Final = 0.001  # clocks of two hosts never agree to the last millisecond


def parse(header: str) -> int | None:
    """Nanoseconds in the queue; None for a header that can't be meant.

    Proxies send ``t=1700000000.123`` or a bare number in s, ms, us or ns (Heroku, nginx, Apache).
    """
    try:
        stamp = float(header.removeprefix("t="))
    except ValueError:
        return None
    if stamp >= 1e12:  # not seconds: those were at 1e9 in 2001
        stamp /= 1e3 if stamp < 1e15 else 1e6 if stamp < 1e18 else 1e9
    waited = time() - stamp
    if -AHEAD <= waited <= OLDEST:  # never true of NaN
        return max(int(waited * 1e9), 0)
    return None
