"""How many page views may be told: token buckets, one for all and one for each client.

Of this process alone, and in memory alone: an address is forgotten once a thousand others came.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

IN_ALL: Final = 50  # a second, and at once
OF_ONE: Final = 5
#: Clients that are remembered. No more than IN_ALL come in a second, and after a second a bucket is
#: full again, so who is forgotten gains nothing.
CLIENTS: Final = 1000
HOPS: Final = 4  # proxies between a client and us


@dataclass(slots=True)
class Bucket:
    """``rate`` tokens a second, and no more at once."""

    rate: int
    left: float
    at: float

    def has(self, now: float) -> bool:
        """Fill it up to ``now``, and look whether there is one."""
        self.left = min(self.left + max(now - self.at, 0.0) * self.rate, self.rate)
        self.at = now
        return self.left >= 1


class Limit:
    """Lets pass what is within the limits of all and of the client; the rest costs nobody any."""

    def __init__(self, now: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._all = Bucket(IN_ALL, IN_ALL, now)
        self._clients: dict[str, Bucket] = {}

    def admits(self, client: str, now: float) -> bool:
        """``now`` in seconds, on any clock that goes forward."""
        with self._lock:
            if not self._all.has(now):
                return False
            bucket = self._clients.pop(client, None) or Bucket(OF_ONE, OF_ONE, now)
            self._clients[client] = bucket  # the last that came is the last in the dict
            if len(self._clients) > CLIENTS:
                del self._clients[next(iter(self._clients))]
            if not bucket.has(now):
                return False
            self._all.left -= 1
            bucket.left -= 1
            return True


#: Of this process.
limit = Limit()


def client_of(meta: Mapping[str, Any]) -> str:
    """The nearest address that is public, else the farthest; of IPv6, its network of 64 bits.

    ``X-Forwarded-For`` is asked only behind a peer of the site's own network, from its end, where
    the nearest proxy writes. Who is in that network may forge it, and gains the share of others.
    """
    found = ""
    forwarded = meta.get("HTTP_X_FORWARDED_FOR", "").rsplit(",", HOPS)[-HOPS:]
    for text in (meta.get("REMOTE_ADDR", ""), *reversed(forwarded)):
        address = _address(text.strip())
        if address is None and text:
            break
        if address is not None:
            found = _network(address)
            if address.is_global:
                break
    return found


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _network(address: IPv4Address | IPv6Address) -> str:
    if address.version == 4:
        return str(address)
    return f"{int(address) >> 64:x}::/64"


def _forked() -> None:
    global limit
    limit = Limit()  # another thread of the parent may have held its lock


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
