"""Entries in Redis, and those of their tokens that lie there too, in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil
from typing import Any, Final

from .._errors import Unavailable
from .._servers._keys import entry_key, token_key
from .._servers._kinds import prefix_and_version
from .._servers._redis import Prepared, RedisLink, RedisServer
from .._tokens._redis import numbers
from ._here import lie_here
from ._store import Found

YEARS: Final = 10 * 365 * 24 * 3600  # seconds; more is for ever
#: KEYS: lease, entry. ARGV: holder, data, milliseconds or "".
SET_IF: Final = """
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == "" then redis.call("SET", KEYS[2], ARGV[2])
else redis.call("SET", KEYS[2], ARGV[2], "PX", ARGV[3]) end
redis.call("DEL", KEYS[1])
return 1
"""
RELEASE: Final = """
if redis.call("GET", KEYS[1]) == ARGV[1] then redis.call("DEL", KEYS[1]) end
return 0
"""


class RedisStore:
    """The store on the primary of a Redis alias."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.alias = server.alias
        self._prefix, self._version = prefix_and_version(server.alias)
        self._scripts = True  # until the server says that we may not
        self._question = lru_cache(4096)(self._asked)

    def _key(self, key: str) -> bytes:
        return entry_key(self._prefix, self._version, key)

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Those of the keys that are there."""
        if not keys:
            return {}
        (values,) = self.server.ask(("MGET", *map(self._key, keys)))
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    def get_with_tokens(
        self, keys: Sequence[str], tags: Sequence[str]
    ) -> tuple[dict[str, bytes], str, list[int | None]] | None:
        """All in one MGET, if the tokens lie here."""
        if not keys or not lie_here(self.alias, tuple(tags)):
            return None
        question = self._question(tuple(keys), tuple(tags))
        world, values = self.server.talk(lambda link: (link.world, link.again(question)))
        found = {key: value for key, value in zip(keys, values, strict=False) if value is not None}
        return found, world, numbers(values[len(keys) :])

    def _asked(self, keys: tuple[str, ...], tags: tuple[str, ...]) -> Prepared:
        return self.server.prepared("MGET", *map(self._key, keys), *map(token_key, tags))

    def set(self, key: str, data: bytes, ttl: float) -> None:
        """Keep the data under the key."""
        if ttl > 0:
            self.server.ask(("SET", self._key(key), data, *_timeout(ttl)))

    def set_if(self, key: str, data: bytes, ttl: float, lease: str, holder: bytes) -> bool:
        """Keep it only while ``lease`` holds ``holder``, and give that back; atomically where
        scripts are allowed.
        """
        if ttl <= 0:
            return False
        name, held, timeout = self._key(key), self._key(lease), _timeout(ttl)
        kept = self._script(SET_IF, [held, name], holder, data, *(timeout[1:] or ("",)))
        if kept is None:
            kept = self.server.ask(("GET", held)) == [holder]
            if kept:
                self.server.ask(("SET", name, data, *timeout), ("DEL", held))
        return bool(kept)

    def add(self, key: str, data: bytes, ttl: float) -> bool:
        """Keep it if there is nothing."""
        if ttl <= 0:
            return False
        (added,) = self.server.ask(("SET", self._key(key), data, "NX", *_timeout(ttl)))
        return added is not None

    def claim(
        self, lease: str, holder: bytes, ttl: float, keys: Sequence[str], tags: Sequence[str]
    ) -> Found | None:
        """Take the lease and look at what is there then, in one trip."""
        here = bool(tags) and lie_here(self.alias, tuple(tags))
        asked = [*map(self._key, keys), *(map(token_key, tags) if here else ())]
        take = ("SET", self._key(lease), holder, "NX", *_timeout(ttl))
        world, (taken, values) = self.server.talk(
            lambda link: (link.world, link.ask(take, ("MGET", *asked)))
        )
        if taken is None:
            return None
        found = {key: value for key, value in zip(keys, values, strict=False) if value is not None}
        return found, world, numbers(values[len(keys) :]) if here else None

    def release(self, lease: str, holder: bytes) -> None:
        """Delete the lease if it is still ours."""
        name = self._key(lease)
        if self._script(RELEASE, [name], holder) is None and self.server.ask(("GET", name)) == [
            holder
        ]:
            self.server.ask(("DEL", name))

    def delete(self, key: str) -> None:
        """Forget the key."""
        self.server.ask(("DEL", self._key(key)))

    def _script(self, script: str, keys: list[bytes], *arguments: Any) -> int | None:
        """What it returns; None where the server runs no scripts of ours."""
        if not self._scripts:
            return None
        try:
            return self.server.talk(lambda link: _eval(link, script, keys, *arguments))
        except ScriptsRefusedError:
            self._scripts = False
            return None


class ScriptsRefusedError(Unavailable):
    """The user may not run scripts, or a proxy does not know them."""


def _eval(link: RedisLink, script: str, keys: list[bytes], *arguments: Any) -> int:
    try:
        (result,) = link.ask(("EVAL", script, len(keys), *keys, *arguments))
    except Unavailable as error:
        if any(word in str(error).lower() for word in ("noperm", "permission", "unknown command")):
            raise ScriptsRefusedError(str(error)) from error
        raise
    return int(result)


def _timeout(seconds: float) -> tuple[Any, ...]:
    return ("PX", max(1, ceil(seconds * 1000))) if seconds < YEARS else ()
