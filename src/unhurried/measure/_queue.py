"""Queue time: how long a request waited between the proxy and us, from ``X-Request-Start``."""

from __future__ import annotations

from time import time
from typing import Any, Final

from . import _addresses

OLDEST: Final = 600.0  # seconds; nobody waits longer, a clock is wrong
AHEAD: Final = 0.001  # clocks of two hosts never agree to the last millisecond


def waited(meta: dict[str, Any]) -> int | None:
    """What the request's header says, if it is a proxy's of ours: a visitor can write it, too.

    A server that has put the visitor's address in the proxy's place believes that proxy, and knows
    no port of the visitor's (uvicorn).
    """
    if _addresses.may_be_proxy(meta.get("REMOTE_ADDR") or "") or meta.get("REMOTE_PORT") == 0:
        return parse(meta["HTTP_X_REQUEST_START"])
    return None


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
