"""Tokens in memcached: a key each, eight random bytes; pending ones have a timeout.

It counts whole seconds, and a token given N of them may be gone after N - 1: so between touch and
COMMIT a second less than the deadline may pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

from .._errors import Unavailable
from .._servers._keys import new_token, token_key
from .._servers._memcached import MemcachedLink, MemcachedServers, expiry
from ._redis import is_token, number


class Talk(Protocol):
    def __call__(self, link: MemcachedLink, keys: list[bytes]) -> None: ...


TRIES: Final = 5  # until a server that forgets at once is given up


class MemcachedTokens:
    """The home whose tokens lie in the servers of a memcached alias."""

    def __init__(self, servers: MemcachedServers) -> None:
        self.servers = servers
        self.name = servers.alias

    def read(self, tags: Sequence[str]) -> tuple[str, list[int]]:
        """(world, tokens); an absent token is added with a random value and read again."""
        keys = [token_key(tag) for tag in tags]
        world, found = "", dict[bytes, int]()
        for pool, group in self.servers.grouped(keys):
            world, tokens = pool.ask(partial(self._read, keys=group))
            found.update(zip(group, tokens, strict=True))
        # Of several there is no one world. Nor need there be: what restarts here has lost its
        # tokens, and comes back with none.
        return world if self.servers.single else "", [found[key] for key in keys]

    def _read(self, link: MemcachedLink, keys: list[bytes]) -> tuple[str, list[int]]:
        for _ in range(TRIES):
            found = link.get(keys) if keys else {}
            absent = [key for key in keys if not is_token(found.get(key))]
            if not absent:
                return link.world, [number(found[key]) for key in keys]
            link.lines([_store(b"add", key, 0) for key in absent])
        raise Unavailable(f"The cache {self.name!r} does not keep tokens; it may be full.")

    def check(self, world: str, tokens: Mapping[str, int]) -> Callable[[], bool]:
        """Asks in one trip to each server whether these are still the tokens."""
        expected = {token_key(tag): token.to_bytes(8, "little") for tag, token in tokens.items()}
        groups = self.servers.grouped([*expected])
        single = self.servers.single

        def same(link: MemcachedLink, keys: list[bytes]) -> bool:
            known = not single or link.world == world
            return known and link.get(keys) == {key: expected[key] for key in keys}

        def valid() -> bool:
            try:
                return all(pool.ask(partial(same, keys=keys)) for pool, keys in groups)
            except Unavailable:
                return False

        return valid

    def touch(self, tags: Sequence[str], deadline: float) -> None:
        """Let the tokens vanish in ``deadline`` seconds unless renewed; absent ones are added."""
        self._each(tags, partial(self._touch, seconds=expiry(deadline)))

    def _touch(self, link: MemcachedLink, keys: list[bytes], seconds: int) -> None:
        for _ in range(TRIES):
            if not keys:
                return
            told = iter(link.lines([c for key in keys for c in _touches(key, seconds)]))
            # Neither added nor touched: it vanished between the two.
            keys = [key for key, added, touched in zip(keys, told, told, strict=True)
                    if added != b"STORED" and touched != b"TOUCHED"]  # fmt: skip
        raise Unavailable(f"The cache {self.name!r} does not keep tokens; it may be full.")

    def renew(self, tags: Sequence[str], deadline: float) -> None:
        """New random tokens, which vanish in their turn: see Redis."""
        self._each(tags, partial(self._renew, seconds=expiry(deadline)))

    def _renew(self, link: MemcachedLink, keys: list[bytes], seconds: int) -> None:
        told = link.lines([_store(b"set", key, seconds) for key in keys])
        if any(line != b"STORED" for line in told):
            raise Unavailable(f"The cache {self.name!r} did not store a token.")

    def _each(self, tags: Sequence[str], talk: Talk) -> None:
        """With every server, whatever becomes of the others."""
        failed: Unavailable | None = None
        for pool, group in self.servers.grouped(map(token_key, tags)):
            try:
                pool.ask(partial(talk, keys=group), urgent=True)
            except Unavailable as error:
                failed = error
        if failed is not None:
            raise failed


def _store(verb: bytes, key: bytes, seconds: int) -> bytes:
    return b"%b %b 0 %d 8\r\n%b\r\n" % (verb, key, seconds, new_token())


def _touches(key: bytes, seconds: int) -> tuple[bytes, bytes]:
    return _store(b"add", key, seconds), b"touch %b %d\r\n" % (key, seconds)
