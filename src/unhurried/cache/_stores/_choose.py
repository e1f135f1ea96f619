"""Which store a cache alias means."""

from __future__ import annotations

from typing import Any

from django.core.signals import setting_changed

from .._errors import CacheError
from .._servers._kinds import kind_of, options_of
from .._servers._memcached import memcached_servers
from .._servers._redis import redis_server
from ._database import DatabaseStore
from ._dummy import DummyStore
from ._file import FileStore
from ._memcached import MemcachedStore
from ._memory import MAX_ENTRIES, MemoryStore
from ._redis import RedisStore
from ._store import Store

_stores: dict[str, Store] = {}


def store_for(alias: str) -> Store:
    """The store of an alias of CACHES in this process; CacheError for one nobody knows."""
    found = _stores.get(alias)
    if found is None:
        found = _stores.setdefault(alias, _make(alias))  # of two threads: one memory, not two
    return found


def _make(alias: str) -> Store:
    match kind_of(alias):
        case "redis":
            return RedisStore(redis_server(alias))
        case "memcached":
            return MemcachedStore(memcached_servers(alias))
        case "memory":
            return MemoryStore(alias, max_entries(alias))
        case "file":
            return FileStore(alias, max_entries(alias))
        case "database":
            return DatabaseStore(alias)
        case "dummy":
            return DummyStore(alias)
    raise CacheError(
        f"CACHES[{alias!r}] is of a back end unhurried does not know: "
        f"{options_of(alias).get('BACKEND')!r}.",
        "Name in cache=… an alias with a back end of Django's: Redis, memcached, memory, file or "
        "database.",
    )


def max_entries(alias: str) -> int:
    """MAX_ENTRIES where it is set; Django's default of 300 is for other things than pages."""
    options: dict[str, Any] = options_of(alias)
    named = options.get("OPTIONS", {}).get("MAX_ENTRIES", options.get("MAX_ENTRIES"))
    return MAX_ENTRIES if named is None else int(named)


def _setting_changed(*, setting: str, **kwargs: object) -> None:
    if setting == "CACHES":
        _stores.clear()


setting_changed.connect(_setting_changed, dispatch_uid="unhurried.cache.stores")
