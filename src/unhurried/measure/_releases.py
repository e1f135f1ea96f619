"""Releases: when which version began to serve, and all numbers as they stood then.

The elected process marks one when it is another version than the last: after a deploy the old
workers are gone within seconds, and one of the new is elected.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from . import _moments, _window
from ._locks import in_sqlite
from ._moments import Moment
from ._snapshot import reader
from ._window import Window

MOST: Final = 50
_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS release (at REAL PRIMARY KEY, name TEXT, data BLOB)"


@dataclass(frozen=True, slots=True)
class Release:
    """A version, and the unix time at which it was first seen to serve."""

    at: float
    name: str


def mark(path: Path, name: str, moment: Moment) -> None:
    """Write it down, if it is not the last one. Raises ``sqlite3.Error``.

    One of the future was marked before the clock was set back: it would come between later ones.
    """
    with in_sqlite, closing(sqlite3.connect(path, timeout=1.0)) as database, database:
        database.execute(_SCHEMA)
        database.execute("DELETE FROM release WHERE at > ?", (moment.at,))
        last = database.execute("SELECT name FROM release ORDER BY at DESC LIMIT 1").fetchone()
        if last is not None and last[0] == name:
            return
        row = moment.at, name, _moments.pack(moment)
        database.execute("REPLACE INTO release VALUES (?, ?, ?)", row)
        database.execute(
            "DELETE FROM release WHERE at NOT IN (SELECT at FROM release ORDER BY at DESC LIMIT ?)",
            (MOST,),
        )


def releases() -> list[Release]:
    """Oldest first. Raises ``StoreError`` where the file can't be read."""
    return [Release(at, name) for at, name in _rows("at, name")]


def begun(now: Moment) -> Moment | None:
    """The moment at which this release began, if there was one before it.

    Raises ``StoreError`` where the file can't be read.
    """
    rows = _rows("at, data", latest=2)
    if len(rows) < 2:
        return None
    try:
        found = _moments.unpack(*rows[-1])
    except (zlib.error, ValueError, KeyError, TypeError):
        return None  # another layout's
    return found if found.precedes(now) else None


def before_and_after() -> tuple[Release | None, Window, Window] | None:
    """The last release but one, what happened under it, and what has since; None with one alone.

    Raises ``StoreError`` where the file can't be read.
    """
    rows = _rows("at, name, data", latest=2)
    source = reader()
    if source is None or len(rows) < 2:
        return None
    now = _moments.now(source)
    try:
        (at, name, data), (later, _, begun) = rows[-2:]
        before, between = _moments.unpack(at, data), _moments.unpack(later, begun)
    except (zlib.error, ValueError, KeyError, TypeError):
        return None  # another layout's
    if not (before.precedes(between) and between.precedes(now)):
        return None
    old = _window.between(source, before, between)
    return Release(at, name), old, _window.between(source, between, now)


def _rows(columns: str, latest: int = MOST) -> list[Any]:
    source = reader()
    path = source.folder / "history.sqlite" if source is not None else None
    if path is None or not path.exists():
        return []
    try:
        with closing(sqlite3.connect(path, timeout=1.0)) as database:
            query = f"SELECT {columns} FROM release WHERE at <= ? ORDER BY at DESC LIMIT ?"
            return database.execute(query, (time.time(), latest)).fetchall()[::-1]
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return []
        raise _moments.damaged(path, error) from error
    except sqlite3.Error as error:
        raise _moments.damaged(path, error) from error
