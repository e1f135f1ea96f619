"""What the catalogue of each database says, read once per process and again after DDL of ours."""

from __future__ import annotations

from threading import RLock

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from unhurried.measure.reading import say_once

from .._sql import Catalogue, read_catalogue, unknown_catalogue

_read: dict[str, Catalogue] = {}
_reading: set[str] = set()
_lock = RLock()


def of(connection: BaseDatabaseWrapper) -> Catalogue:
    catalogue = _read.get(connection.alias)
    if catalogue is None:
        catalogue = _fetch(connection)
    return catalogue


def forget(alias: str) -> None:
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
        _read[connection.alias] = catalogue
        return catalogue
