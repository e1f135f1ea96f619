"""The test's side of ``tally_site``: its settings as a file, and the process."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cache.races.driver import Site
from tests.services.rows import create_database

DATABASES = ("postgres", "sqlite-wal", "sqlite-delete")


def settings_file(database: str, folder: Path, port: int = 0, **more: Any) -> Path:
    """Of a database that is there; ``port`` is its server's, or a proxy's."""
    name = f"settings-{len(list(folder.glob('settings-*')))}.json"
    path = folder / name
    own = {
        "DATABASES": _databases(database, folder, port),
        "UNHURRIED": {"STORE": str(folder / "store"), "TOKENS": "embedded"},
    }
    path.write_text(json.dumps({**SETTINGS, **own, **more}))
    return path


SETTINGS: dict[str, Any] = {
    "SECRET_KEY": "tally",
    "ALLOWED_HOSTS": ["*"],
    "USE_TZ": True,
    "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    "INSTALLED_APPS": ["unhurried", "unhurried.later", "tests.pages"],
    "MIDDLEWARE": ["unhurried.middleware.UnhurriedMiddleware"],
    "ROOT_URLCONF": "tests.services.tally_site",
    "LOGGING_CONFIG": None,
}


def _databases(database: str, folder: Path, port: int) -> dict[str, Any]:
    if database == "postgres":
        where = {"USER": "postgres", "HOST": "127.0.0.1", "PORT": port, "NAME": folder.name}
        return {"default": {"ENGINE": "django.db.backends.postgresql", **where}}
    journal = database.partition("-")[2]
    options = {"timeout": 5, "init_command": f"PRAGMA journal_mode={journal}"}
    where = {"NAME": str(folder / "db.sqlite3"), "OPTIONS": options}
    return {"default": {"ENGINE": "django.db.backends.sqlite3", **where}}


def database_port(database: str, folder: Path, request: pytest.FixtureRequest) -> int:
    """The database is made; 0 where there is no server."""
    if database != "postgres":
        return 0
    port: int = request.getfixturevalue("postgres_server").port
    create_database(port, folder.name)
    return port


@contextmanager
def site(path: Path, name: str = "site") -> Iterator[Site]:
    os.environ["TALLY_SETTINGS"] = str(path)
    begun = Site(path, path.with_name(f"{name}.log"), "tests.services.tally_site")
    try:
        yield begun
    finally:
        begun.end()
