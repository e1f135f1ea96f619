"""Which home has an alias's tokens: by the setting TOKENS, and by what the database is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Protocol

from django.core.signals import setting_changed
from django.db import DEFAULT_DB_ALIAS, connections

from unhurried.conf import given
from unhurried.measure.reading import StoreError, folder, prepare

from .._errors import CacheError, Unavailable
from .._servers._kinds import kind_of
from .._servers._memcached import memcached_servers
from .._servers._redis import redis_server
from ._embedded import Embedded
from ._memcached import MemcachedTokens
from ._redis import RedisTokens

EMBEDDED: Final = "embedded"
SUFFIX: Final = ".unhurried-tokens"


class Home(Protocol):
    """Where tokens lie. All methods raise Unavailable, and nothing else of the world's."""

    name: str

    def read(self, tags: Sequence[str]) -> tuple[str, list[int]]: ...

    def check(self, world: str, tokens: Mapping[str, int]) -> Callable[[], bool]: ...

    def touch(self, tags: Sequence[str], deadline: float) -> None: ...

    def renew(self, tags: Sequence[str], deadline: float) -> None: ...


_by_name: dict[str, Home] = {}
_by_alias: dict[str, tuple[object, Home]] = {}  # with the database's name, which tests change


def home_of(alias: str) -> Home:
    """The home of a database alias's tokens; CacheError if TOKENS is wrong, Unavailable."""
    database = _database(alias).get("NAME")
    known = _by_alias.get(alias)
    if known is not None and known[0] is database:
        return known[1]
    home = _find(alias)
    _by_alias[alias] = database, home
    return home


def home_of_tag(tag: str) -> Home:
    """The home of the alias that a tag is of; of the default one for ``name:…``."""
    return home_of(alias_of(tag))


@lru_cache(maxsize=4096)
def alias_of(tag: str) -> str:
    """The database alias of a tag. One named "db" or "name" shares tags with others, no more."""
    first, _, rest = tag.partition(":")
    if first == "name":
        return DEFAULT_DB_ALIAS
    return rest if first == "db" else first


def homes() -> list[Home]:
    """Those that have been asked for in this process."""
    return list(_by_name.values())


def home_named(name: str) -> Home | None:
    """A home by its name, if this process would use such a one."""
    for alias in connections:
        if name not in _by_name:
            home_of(alias)
    return _by_name.get(name)


def chosen(alias: str) -> str:
    """ "embedded", or the cache alias that TOKENS says or means for a database alias."""
    wanted = given().get("TOKENS", "auto")
    if wanted != "auto":
        return str(wanted)
    if not is_sqlite(_database(alias)) and kind_of("default") in ("redis", "memcached"):
        return "default"
    return EMBEDDED


def _find(alias: str) -> Home:
    wanted = chosen(alias)
    name = wanted if wanted != EMBEDDED else _name_of_embedded(alias)
    home = _by_name.get(name)
    if home is None:
        made = _embedded(alias, name) if wanted == EMBEDDED else _cached(wanted)
        home = _by_name.setdefault(name, made)  # of two threads: one table, not two
    return home


def _name_of_embedded(alias: str) -> str:
    """Each SQLite file has a table of its own beside it; all else shares one."""
    database = _database(alias)
    if not is_sqlite(database):
        return EMBEDDED
    path = file_of(database)
    place = f"memory {alias}" if path is None else str(path)
    return f"{EMBEDDED}:{blake2b(place.encode(), digest_size=6).hexdigest()}"


def _cached(cache: str) -> Home:
    kind = kind_of(cache)
    if kind == "redis":
        return RedisTokens(redis_server(cache))
    if kind == "memcached":
        return MemcachedTokens(memcached_servers(cache))
    if kind == "memory":  # for tests: a check says so
        return Embedded(cache, None)
    raise CacheError(
        f"UNHURRIED['TOKENS'] is {cache!r}, a cache that can't hold tokens.",
        'Name one in Redis or memcached, or "embedded" if all writers run on this host.',
    )


def _embedded(alias: str, name: str) -> Embedded:
    database = _database(alias)
    if not is_sqlite(database):
        return Embedded(name, None, find=_in_folder)
    path = file_of(database)
    if path is None:
        return Embedded(name, None)
    return Embedded(name, path.with_name(path.name + SUFFIX), like=path)


def _in_folder() -> Path:
    """In the folder of the store; raises Unavailable: who asks next may have more luck."""
    try:
        return prepare(folder()) / "tokens"
    except OSError as error:
        raise Unavailable(f"There is no folder for tokens: {error}") from error
    except StoreError as error:
        raise Unavailable(f"There is no folder for tokens: {error} {error.hint}") from error


def is_sqlite(database: dict[str, Any]) -> bool:
    """Whether the back end is SQLite's, GeoDjango's included."""
    return any(word in str(database.get("ENGINE", "")) for word in ("sqlite", "spatialite"))


def file_of(database: dict[str, Any]) -> Path | None:
    """The SQLite file, links resolved as SQLite does; None of a database in memory.

    That one is of its process alone, so its tokens are as well.
    """
    name = str(database.get("NAME") or ":memory:")
    if name == ":memory:" or "mode=memory" in name:
        return None
    if name.startswith("file:"):
        name = name.removeprefix("file:").partition("?")[0]
    return Path(name).resolve()


def _database(alias: str) -> dict[str, Any]:
    """Its settings, and the default's for a name that is no alias: what reads it must find it."""
    known: dict[str, dict[str, Any]] = connections.settings
    return known.get(alias) or known[DEFAULT_DB_ALIAS]


def forget() -> None:
    """Choose anew at the next use."""
    _by_name.clear()
    _by_alias.clear()


def _setting_changed(*, setting: str, **kwargs: object) -> None:
    if setting in ("UNHURRIED", "CACHES", "DATABASES"):
        forget()


setting_changed.connect(_setting_changed, dispatch_uid="unhurried.cache.home")
