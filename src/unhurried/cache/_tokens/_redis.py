"""Tokens in Redis: a key each, eight random bytes; pending ones have a timeout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from struct import error, unpack
from typing import Any, Final

from .._errors import Unavailable
from .._servers._keys import new_token, token_key
from .._servers._redis import RedisLink, RedisServer

TRIES: Final = 5  # until a server that forgets at once is given up
MET: Final = 20_000  # keys


class RedisTokens:
    """The home whose tokens lie on the primary of a Redis alias."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.name = server.alias
        self._met: set[bytes] = set()  # keys that were there; of others it is likely that none is

    def read(self, tags: Sequence[str]) -> tuple[str, list[int]]:
        """(world, tokens); an absent token is added with a random value."""
        keys = [token_key(tag) for tag in tags]
        if not keys:
            return self.server.talk(lambda link: (link.world, []))
        return self.server.talk(lambda link: self._read(link, keys))

    def _read(self, link: RedisLink, keys: list[bytes]) -> tuple[str, list[int]]:
        absent = [key for key in keys if key not in self._met]
        for _ in range(TRIES):
            # No timeout: it would be one of nobody's writes. NX: somebody else may just have added
            # one, and given it to a reader.
            added = (("SET", key, new_token(), "NX") for key in absent)
            found: list[bytes | None] = link.ask(*added, ("MGET", *keys))[-1]
            absent = [key for key, value in zip(keys, found, strict=True) if not is_token(value)]
            if not absent:
                self._meet(keys)
                return link.world, [number(value) for value in found if value is not None]
        raise Unavailable(f"The cache {self.name!r} does not keep tokens; it may be full.")

    def _meet(self, keys: list[bytes]) -> None:
        if len(self._met) > MET:
            self._met.clear()
        self._met.update(keys)

    def check(self, world: str, tokens: Mapping[str, int]) -> Callable[[], bool]:
        """Asks in one trip whether these are still the tokens; False where nobody answers."""
        expected = [token.to_bytes(8, "little") for token in tokens.values()]
        question = self.server.prepared("MGET", *map(token_key, tokens))

        def same(link: RedisLink) -> bool:
            return link.world == world and link.again(question) == expected

        def valid() -> bool:
            try:
                return self.server.talk(same)
            except Unavailable:
                return False

        return valid

    def touch(self, tags: Sequence[str], deadline: float) -> None:
        """Let the tokens vanish in ``deadline`` seconds unless renewed; absent ones are added."""
        keys = [token_key(tag) for tag in tags]
        self.server.talk(lambda link: self._touch(link, keys, _milliseconds(deadline)), urgent=True)

    def _touch(self, link: RedisLink, keys: list[bytes], timeout: int) -> None:
        for _ in range(TRIES):
            if not keys:
                return
            told = iter(link.ask(*(c for key in keys for c in _touches(key, timeout))))
            # Neither added nor touched: it vanished between the two.
            keys = [key for key, added, touched in zip(keys, told, told, strict=True)
                    if not added and not touched]  # fmt: skip
        raise Unavailable(f"The cache {self.name!r} does not keep tokens; it may be full.")

    def renew(self, tags: Sequence[str], deadline: float) -> None:
        """New random tokens, which vanish in their turn.

        A timeout that was there may be another writer's, which is yet to commit and may die: so
        there must be one afterwards, and it must not end sooner.
        """
        timeout = _milliseconds(deadline)
        keys = map(token_key, tags)
        commands = [("SET", key, new_token(), "PX", timeout) for key in keys]
        if commands:
            self.server.ask(*commands, urgent=True)


def _touches(key: bytes, timeout: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    return ("SET", key, new_token(), "NX", "PX", timeout), ("PEXPIRE", key, timeout)


def _milliseconds(seconds: float) -> int:
    return max(1, ceil(seconds * 1000))


def is_token(value: bytes | None) -> bool:
    """Whether this is what we write there."""
    return value is not None and len(value) == 8


def numbers(values: Sequence[bytes | None]) -> list[int | None]:
    """The tokens as numbers, None for those that are absent."""
    try:  # all there, as most often
        return list(unpack(f"<{len(values)}Q", b"".join(values)))  # type: ignore[arg-type]
    except (TypeError, error):
        return [number(value) if value and is_token(value) else None for value in values]


def number(value: bytes) -> int:
    """The token as a number."""
    return int.from_bytes(value, "little")
