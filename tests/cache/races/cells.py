"""A cell: a database, a place for tokens, a place for entries; and a site's settings for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

BACKENDS = "django.core.cache.backends"


@dataclass(frozen=True)
class Cell:
    """``database``: sqlite-wal, sqlite-delete (rollback journal) or postgres."""

    database: str
    tokens: str
    entries: str

    def __str__(self) -> str:
        return f"{self.database}-{self.tokens}-{self.entries}"

    @property
    def vendor(self) -> str:
        return self.database.partition("-")[0]


EMBEDDED = [
    Cell(database, "embedded", entries)
    for database in ("sqlite-wal", "sqlite-delete")
    for entries in ("locmem", "file", "database")
]
SERVED = [
    Cell(database, server, server)
    for database in ("sqlite-wal", "sqlite-delete", "postgres")
    for server in ("redis", "memcached")
]
SERVED += [Cell("postgres", "embedded", entries) for entries in ("locmem", "file", "database")]
SERVED += [Cell("postgres", "redis", "memcached"), Cell("postgres", "memcached", "file")]


def settings(cell: Cell, folder: Path, ports: dict[str, int], **more: Any) -> dict[str, Any]:
    """Django's, as JSON; ``ports`` of redis, memcached and postgres, where the cell has them."""
    caches = {"default": _cache(cell.entries, folder, ports)}
    tokens = "default" if cell.tokens == cell.entries else cell.tokens
    if tokens not in ("default", "embedded"):
        caches[tokens] = _cache(cell.tokens, folder, ports)
    unhurried = {"STORE": str(folder / "store"), "STRICT": True, "TOKENS": tokens}
    return {
        "SECRET_KEY": "races",
        "ALLOWED_HOSTS": ["*"],
        "USE_TZ": True,
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "INSTALLED_APPS": ["django.contrib.contenttypes", "unhurried", "tests.cache.races"],
        "MIDDLEWARE": ["unhurried.middleware.UnhurriedMiddleware"],
        "ROOT_URLCONF": "tests.cache.races.urls",
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"builtins": ["unhurried.templatetags.unhurried"]},
            }
        ],
        "DATABASES": _databases(cell, folder, ports),
        "CACHES": caches,
        "UNHURRIED": {**unhurried, "DEADLINE": 10, "WAIT": 10, **more},
    }


def _cache(kind: str, folder: Path, ports: dict[str, int]) -> dict[str, Any]:
    return {
        "locmem": {"BACKEND": f"{BACKENDS}.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 20_000}},
        "file": {
            "BACKEND": f"{BACKENDS}.filebased.FileBasedCache",
            "LOCATION": str(folder / "entries"),
            "OPTIONS": {"MAX_ENTRIES": 20_000},
        },
        "database": {"BACKEND": f"{BACKENDS}.db.DatabaseCache", "LOCATION": "races_entries"},
        "redis": {
            "BACKEND": f"{BACKENDS}.redis.RedisCache",
            "LOCATION": f"redis://127.0.0.1:{ports.get('redis')}",
            "KEY_PREFIX": folder.name,
        },
        "memcached": {
            "BACKEND": f"{BACKENDS}.memcached.PyMemcacheCache",
            "LOCATION": f"127.0.0.1:{ports.get('memcached')}",
            "KEY_PREFIX": folder.name,
        },
    }[kind]


def _databases(cell: Cell, folder: Path, ports: dict[str, int]) -> dict[str, Any]:
    """``twin`` is ``default`` under another name; ``other`` is another one."""
    if cell.vendor == "postgres":
        default, other = (_postgres(f"{folder.name}{end}", ports) for end in ("", "_other"))
    else:
        default, other = (_sqlite(cell, folder / name) for name in ("one.sqlite3", "two.sqlite3"))
    return {"default": default, "twin": default, "other": other}


def _postgres(name: str, ports: dict[str, int]) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": "postgres",
        "HOST": "127.0.0.1",
        "PORT": ports["postgres"],
    }


def _sqlite(cell: Cell, path: Path) -> dict[str, Any]:
    journal = cell.database.partition("-")[2]
    options = {"timeout": 1, "init_command": f"PRAGMA journal_mode={journal}"}
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": options}
