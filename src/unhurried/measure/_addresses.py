"""Who is behind an address: the peer, or whom a proxy of ours says it speaks for.

Each proxy appends the address it was asked from to ``X-Forwarded-For``. So its right end is our
own proxies' word, and all to the left of the first address that is not ours is anybody's.
"""

from __future__ import annotations

from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final

LONGEST: Final = 200  # characters of the header's right end that are looked at
REMEMBERED: Final = 1024  # addresses as they were sent
UNKNOWN: Final = b""
_SIXTY_FOUR: Final = 8  # bytes of an IPv6 address that are one client's: he may use all of his /64
_MAPPED: Final = bytes(10) + b"\xff\xff"


def behind(forwarded: str) -> bytes:
    """The client that the header names, from the right the first that is not of our own network.

    4 bytes of IPv4, 8 of IPv6, ``UNKNOWN`` for what is no address. Where all are our own: the
    rightmost, who has asked our outermost proxy for all it knows.
    """
    if "," not in forwarded and len(forwarded) <= LONGEST:  # most
        address = parse(forwarded)
        return UNKNOWN if address is None else _short(address)
    if len(forwarded) > LONGEST:  # an entry that was cut in two is none
        forwarded = forwarded[-LONGEST:].partition(",")[2]
    outermost = UNKNOWN
    for entry in reversed(forwarded.split(",")):
        address = parse(entry)
        if address is None:
            return UNKNOWN
        if not is_own(address):
            return _short(address)
        outermost = outermost or _short(address)
    return outermost


def parse(text: str) -> bytes | None:
    """4 or 16 bytes; without port, brackets and zone. None for what is no address. Never raises."""
    text = text.strip()
    if text[:1] == "[":
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        if ":" not in text:
            return inet_pton(AF_INET, text)
        address = inet_pton(AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):  # of the latter, a null or a lone surrogate
        return None
    return address[12:] if address.startswith(_MAPPED) else address


def is_own(address: bytes) -> bool:
    """Whether only a neighbour has such an address: loopback, private, link-local, carrier's.

    Not ``ipaddress.is_private``: that has the examples of documentation for private, too.
    """
    first, second = address[0], address[1]
    if len(address) == 4:
        return (
            first in (10, 127)
            or (first == 172 and 16 <= second < 32)
            or (first == 192 and second == 168)
            or (first == 169 and second == 254)
            or (first == 100 and 64 <= second < 128)
        )
    if first == 0:
        return address == bytes(15) + b"\1"
    return first & 0xFE == 0xFC or (first == 0xFE and second & 0xC0 == 0x80)


@lru_cache(REMEMBERED)
def may_be_proxy(peer: str) -> bool:
    """Whether the peer may be a proxy of ours; a peer without an address is a Unix socket's."""
    address = parse(peer[: LONGEST + 1])
    return address is None or is_own(address)


def _short(address: bytes) -> bytes:
    return address if len(address) == 4 else address[:_SIXTY_FOUR]


def text(client: bytes) -> str:
    """What people write for it: ``203.0.113.7``, ``2001:db8:1:2::/64``."""
    if len(client) == 4:
        return inet_ntop(AF_INET, client)
    return f"{inet_ntop(AF_INET6, client.ljust(16, bytes(1)))}/64" if client else ""
