"""Which database an alias names: a test's for a while, and then the site's own again.

A thread of ours may outlive the test, and what waits in the other database is not its to do.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Final

from django.db import connections

KEYS: Final = ("NAME", "HOST", "PORT")
Databases = dict[str, tuple[Any, ...]]


class _Meant(threading.local):
    databases: Databases = {}  # replaced, never filled


_meant = _Meant()


def database(alias: str) -> tuple[Any, ...]:
    """The one that the alias names now."""
    return tuple(map(connections.settings[alias].get, KEYS))


def meant() -> Databases:
    """By alias, what somebody means who asks for work in this thread."""
    return {**{alias: database(alias) for alias in connections.settings}, **_meant.databases}


def mean(databases: Databases) -> bool:
    """In this thread no others are meant from here on; False if an alias names another by now."""
    _meant.databases = databases
    return all(map(is_meant, databases))


def is_meant(alias: str) -> bool:
    """Whether it names what it named when this thread was asked; always, in a thread not ours."""
    was = _meant.databases.get(alias)
    return was is None or alias not in connections.settings or was == database(alias)


def is_there(alias: str) -> bool:
    """False of SQLite's file if it is missing: who only looks must not make an empty one."""
    name = str(connections.settings[alias]["NAME"])
    if connections[alias].vendor != "sqlite" or ":memory:" in name or "mode=memory" in name:
        return True
    if name.startswith("file:"):
        name = name.removeprefix("file:").partition("?")[0]
    return Path(name).exists()
