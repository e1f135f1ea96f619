"""Entries in memcached, and those of their tokens that lie there too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from .._errors import Unavailable
from .._servers._keys import entry_key, token_key
from .._servers._kinds import prefix_and_version
from .._servers._memcached import MemcachedLink, MemcachedServers, expiry
from .._tokens._redis import numbers
from ._here import lie_here
from ._store import OneByOne

YEARS: Final = 10 * 365 * 24 * 3600  # seconds; more is for ever


class MemcachedStore(OneByOne):
    """The store in the servers of a memcached alias.

    ``set_if`` and ``release`` ask and then do; in between a lease may pass to another. A lease
    saves work, correctness is the tokens' affair.
    """

    def __init__(self, servers: MemcachedServers) -> None:
        self.servers = servers
        self.alias = servers.alias
        self._prefix, self._version = prefix_and_version(servers.alias)

    def _key(self, key: str) -> bytes:
        return entry_key(self._prefix, self._version, key)

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Those of the keys that are there."""
        names = {self._key(key): key for key in keys}
        _, found = self._get(names)
        return {names[name]: value for name, value in found.items()}

    def get_with_tokens(
        self, keys: Sequence[str], tags: Sequence[str]
    ) -> tuple[dict[str, bytes], str, list[int | None]] | None:
        """One round trip to each server that has some of it, if the tokens lie here."""
        if not keys or not lie_here(self.alias, tuple(tags)):
            return None
        names, tokens = {self._key(key): key for key in keys}, [token_key(tag) for tag in tags]
        world, found = self._get([*names, *tokens])
        entries = {key: found[name] for name, key in names.items() if name in found}
        return entries, world, numbers([found.get(token) for token in tokens])

    def _get(self, names: Iterable[bytes]) -> tuple[str, dict[bytes, bytes]]:
        world, found = "", dict[bytes, bytes]()
        for pool, group in self.servers.grouped(names):
            if group:
                world, some = pool.ask(partial(_get_from, keys=group))
                found |= some
        return world if self.servers.single else "", found

    def _say(self, key: bytes, command: bytes) -> bytes:
        return self.servers.pool(key).ask(lambda link: link.lines([command]))[0]

    def set(self, key: str, data: bytes, ttl: float) -> None:
        """Keep the data under the key; Unavailable if it is larger than the server takes."""
        name = self._key(key)
        if ttl > 0 and self._say(name, _command(b"set", name, data, ttl)) != b"STORED":
            raise Unavailable(f"The cache {self.alias!r} did not store {len(data)} bytes.")

    def set_if(self, key: str, data: bytes, ttl: float, lease: str, holder: bytes) -> bool:
        """Keep it if ``lease`` holds ``holder``, and give that back."""
        if ttl <= 0 or self.get_many([lease]).get(lease) != holder:
            return False
        self.set(key, data, ttl)
        self.release(lease, holder)
        return True

    def add(self, key: str, data: bytes, ttl: float) -> bool:
        """Keep it if there is nothing."""
        name = self._key(key)
        return ttl > 0 and self._say(name, _command(b"add", name, data, ttl)) == b"STORED"

    def release(self, lease: str, holder: bytes) -> None:
        """Delete the lease if it holds ``holder``."""
        if self.get_many([lease]).get(lease) == holder:
            self.delete(lease)

    def delete(self, key: str) -> None:
        """Forget the key."""
        name = self._key(key)
        self._say(name, b"delete %b\r\n" % name)


def _get_from(link: MemcachedLink, keys: list[bytes]) -> tuple[str, dict[bytes, bytes]]:
    return link.world, link.get(keys)


def _command(verb: bytes, name: bytes, data: bytes, ttl: float) -> bytes:
    seconds = expiry(ttl) if ttl < YEARS else 0
    return b"%b %b 0 %d %d\r\n%b\r\n" % (verb, name, seconds, len(data), data)
