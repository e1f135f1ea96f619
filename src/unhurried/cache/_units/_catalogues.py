"""What the catalogue of each database says, read once per process and again after DDL of ours."""

from __future__ import annotations

import os
from threading import RLock

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from unhurried.measure.reading import say_once

from .._sql import Catalogue, read_catalogue, unknown_catalogue

_read: dict[str, Catalogue] = {}
_reading: set[str] = set()
_lock = RLock()
#: alias -> how often its catalogue was forgotten.
_forgotten: dict[str, int] = {}


def of(connection: BaseDatabaseWrapper) -> Catalogue:
    catalogue = _read.get(connection.alias)
    if catalogue is None:
        catalogue = _fetch(connection)
    return catalogue


def forget(alias: str) -> None:
    _forgotten[alias] = _forgotten.get(alias, 0) + 1
    _read.pop(alias, None)


def _fetch(connection: BaseDatabaseWrapper) -> Catalogue:
    with _lock:
        if connection.alias in _read:
            return _read[connection.alias]
        if connection.alias in _reading:
            # By this thread: who hears of our own connection asks over the page's, as
            # django.contrib.postgres does.
            return unknown_catalogue()
        _reading.add(connection.alias)
        before = _forgotten.get(connection.alias, 0)
        try:
            catalogue = read_catalogue(connection)
        except DatabaseError as error:
            say_once(
                "The catalogue of %s can't be read (%s): each write there renews everything.",
                *(connection.alias, error),
            )
            return unknown_catalogue()
        finally:
            _reading.discard(connection.alias)
        if _forgotten.get(connection.alias, 0) != before:  # it was on its way while DDL ended
            return unknown_catalogue()
        _read[connection.alias] = catalogue
        if _forgotten.get(connection.alias, 0) != before:
            _read.pop(connection.alias, None)
        return catalogue


def _forked() -> None:
    """Another thread of the parent's may have held the lock, and is not here to let go of it."""
    global _lock
    _lock = RLock()
    _reading.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
