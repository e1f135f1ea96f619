"""Which surrogate is in front, and whether it is believed.

A client that could make us send includes would see our fragments' addresses, and, where a cache
lies in between, so would everybody. So ``Surrogate-Capability`` (W3C note "Edge Architecture
Specification", 2001) counts only from peers that SURROGATES names.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final

from unhurried.conf import settings

#: The entry of SURROGATES for a peer behind a Unix socket, which has no address.
UNIX: Final = "unix:"
#: What a surrogate can do, the best first.
KINDS: Final = (("esi", "ESI/1.0"), ("ssi", "SSI/1.0"))
MANY: Final = 1000  # peers remembered with the answer

Network = IPv4Network | IPv6Network


def capability(meta: Mapping[str, Any]) -> str:
    """``"esi"``, ``"ssi"``, or ``""`` where nobody said so who is believed."""
    said = meta.get("HTTP_SURROGATE_CAPABILITY")
    if not said or not settings.SURROGATES:
        return ""
    kind = _kind(said)
    return kind if kind and believed(meta.get("REMOTE_ADDR", "")) else ""


def believed(peer: str) -> bool:
    """Whether SURROGATES has this address, or a network it lies in."""
    return _believed(peer, tuple(map(str, settings.SURROGATES)))


def network(entry: str) -> Network:
    """ValueError for what is neither an address nor a network."""
    return ip_network(entry.strip())


def _kind(said: str) -> str:
    """``a="ESI/1.0", b="Surrogate/1.0 SSI/1.0"``: only what stands in quotes after an equals."""
    parts = said.split('"')
    can = {
        word.upper()
        for before, quoted in zip(parts[::2], parts[1:-1:2], strict=False)
        if before.rstrip().endswith("=")
        for word in quoted.split()
    }
    return next((kind for kind, name in KINDS if name in can), "")


@lru_cache(MANY)
def _believed(peer: str, entries: tuple[str, ...]) -> bool:
    if not peer:
        return UNIX in entries
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(mapped in each or address in each for each in _networks(entries))


@lru_cache(8)
def _networks(entries: tuple[str, ...]) -> list[Network]:
    found = []
    for entry in entries:
        try:
            found.append(network(entry))
        except ValueError:
            continue  # UNIX; or a check says so
    return found
