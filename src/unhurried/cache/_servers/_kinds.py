"""What kind of cache an alias of CACHES is, by the class of its back end, and its options."""

from __future__ import annotations

import re
from typing import Any, Final

from django.conf import settings
from django.core.cache import InvalidCacheBackendError
from django.utils.module_loading import import_string

from .._errors import CacheError

DJANGO: Final = "django.core.cache.backends."
KINDS: Final = {
    f"{DJANGO}redis.RedisCache": "redis",
    "django_redis.cache.RedisCache": "redis",
    "django_valkey.cache.ValkeyCache": "redis",
    "django_valkey.base.BaseValkeyCache": "redis",
    f"{DJANGO}memcached.BaseMemcachedCache": "memcached",
    f"{DJANGO}locmem.LocMemCache": "memory",
    f"{DJANGO}filebased.FileBasedCache": "file",
    f"{DJANGO}db.DatabaseCache": "database",
    f"{DJANGO}dummy.DummyCache": "dummy",
}


def options_of(alias: str) -> dict[str, Any]:
    """``CACHES[alias]``; CacheError if there is none."""
    try:
        found: dict[str, Any] = settings.CACHES[alias]
    except KeyError:
        known = ", ".join(sorted(settings.CACHES))
        raise CacheError(f"There is no cache {alias!r}.", f"CACHES has: {known}.") from None
    return found


def kind_of(alias: str) -> str:
    """ "redis", "memcached", "memory", "file", "database" or "dummy"; "" if nobody knows it."""
    path = options_of(alias).get("BACKEND", "")
    try:
        found = import_string(path)
    except ImportError as error:
        raise InvalidCacheBackendError(f"Could not find backend {path!r}: {error}") from error
    for each in getattr(found, "__mro__", ()):
        if kind := KINDS.get(f"{each.__module__}.{each.__qualname__}"):
            return kind
    return ""


def locations(alias: str) -> list[str]:
    """The servers in LOCATION: a list, or one string with commas or semicolons."""
    given = options_of(alias).get("LOCATION", "")
    if isinstance(given, str):
        return [each for each in re.split("[;,]", given) if each]
    return [str(each) for each in given]


def prefix_and_version(alias: str) -> tuple[str, int]:
    """KEY_PREFIX and VERSION of the alias."""
    options = options_of(alias)
    return options.get("KEY_PREFIX", ""), options.get("VERSION", 1)
