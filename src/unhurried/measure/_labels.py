"""Whom a client's hash stands for, as far as anybody may know."""

from __future__ import annotations

from . import _addresses, _clients, _folder
from ._errors import StoreError


def client_hash(address: str) -> int:
    """What the numbers of this address stand under; of a part of a network, such as an IPv6 /64.

    An empty text is whoever could not be told. Raises ``ValueError`` for what is no address, and
    ``StoreError`` where no client has been seen yet.
    """
    folder = _folder.versioned(_folder.folder())
    try:
        key = (folder / "client.key").read_bytes()
    except OSError as error:
        raise StoreError(
            f"{folder} has no client.key: no client was seen yet.",
            "Visit a page of the site first, with UNHURRIED['CLIENTS'] not \"off\".",
        ) from error
    if address and _addresses.parse(address) is None:
        raise ValueError(f"{address!r} is no IP address; write one as 203.0.113.7 or 2001:db8::1.")
    return _clients.hashed(key, _addresses.behind(address))


def client_label(client: int) -> str:
    """``client 3fa2b07c``, or the address where CLIENTS is "shown"."""
    folder = _folder.versioned(_folder.folder())
    for path in folder.glob("clients-*.json"):
        found = _clients.read(path).get(client)
        if found:
            return found
    return f"client {client >> 32:08x}"
