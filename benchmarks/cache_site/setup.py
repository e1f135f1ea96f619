"""Django's settings for one process: which tool keeps, in which cache, and where the data are."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django
from _site import DEFAULT_MIDDLEWARE
from django.conf import settings

TTL = 600
DJANGO_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
]

View = Callable[..., Any]


@dataclass(frozen=True)
class Place:
    """Where a process finds its servers and files; made by the parent, sent as JSON."""

    folder: str
    redis: int = 0  # ports; 0: none runs
    memcached: int = 0
    postgres: int = 0
    number: int = 0  # of Redis' databases, one per tool


def same(function: View) -> View:
    return function


@dataclass(frozen=True)
class Tool:
    """How a tool is set up: what its own documentation says, and nothing else."""

    keeps: str  # "pages", "values" or "rows"
    wrap: Callable[[View], View] = same  # makes a view, or a function of one number, a kept one
    written: Callable[[str, int], None] | None = None  # what people do by hand after a write
    door: bool = False  # before Django
    apps: tuple[str, ...] = ()
    middleware: tuple[str, ...] = ()  # before Django's own
    after: tuple[str, ...] = ()  # and after them
    entries: str = "redis"  # locmem, redis, memcached, file
    settings: dict[str, Any] = field(default_factory=dict)


current: list[Tool] = []  # this process's, for cache_site.urls


def configure(tool: Tool, place: Place) -> None:
    current.append(tool)
    given = {
        "CACHES": {"default": CACHES[tool.entries](place)},
        # Its readers wait inside Redis, each on a connection of its own, longer than redis-py does.
        "CACHEOPS_REDIS": f"{redis_url(place)}?max_connections=1000&socket_timeout=100",
        "UNHURRIED": {"STORE": Path(place.folder) / "store", "TOKENS": tokens(tool)},
        **tool.settings,
    }
    settings.configure(
        SECRET_KEY="bench",
        ALLOWED_HOSTS=["bench"],
        ROOT_URLCONF="cache_site.urls",
        INSTALLED_APPS=[*DJANGO_APPS, "cache_site", *tool.apps],
        MIDDLEWARE=[*tool.middleware, *DEFAULT_MIDDLEWARE, *tool.after],
        DATABASES={"default": database(place)},
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        LOGGING_CONFIG=None,
        **given,
    )
    django.setup()


def tokens(tool: Tool) -> str:
    """Ours lie beside the entries, where those are on a server."""
    return "default" if tool.entries in ("redis", "memcached") else "embedded"


def redis_url(place: Place) -> str:
    return f"redis://127.0.0.1:{place.redis}/{place.number}"


def database(place: Place) -> dict[str, Any]:
    if place.postgres:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": f"bench_{place.number}",
            "USER": "postgres",
            "HOST": "127.0.0.1",
            "PORT": place.postgres,
        }
    # WAL, as every SQLite site should have it: a writer does not wait for readers.
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(place.folder) / "bench.sqlite3",
        "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL", "timeout": 20},
    }


def _locmem(place: Place) -> dict[str, Any]:
    return {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": secrets.token_hex(4),
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }


def _redis(place: Place) -> dict[str, Any]:
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": redis_url(place),
    }


def _memcached(place: Place) -> dict[str, Any]:
    return {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": f"127.0.0.1:{place.memcached}",
        "KEY_PREFIX": f"bench{place.number}",
    }


def _file(place: Place) -> dict[str, Any]:
    return {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(Path(place.folder) / "entries"),
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }


def _database(place: Place) -> dict[str, Any]:
    return {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "entries",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }


CACHES = {
    "locmem": _locmem,
    "redis": _redis,
    "memcached": _memcached,
    "file": _file,
    "database": _database,
}
