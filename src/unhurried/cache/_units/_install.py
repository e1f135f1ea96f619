"""Put the guard in its place: on every connection, open or to come."""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.backends.signals import connection_created

from unhurried.measure.reading import guards, install_tap

from . import _ends
from ._guard import Guard

_guard = Guard()


def install() -> None:
    """In every process of the site, those that only write too; twice is once."""
    install_tap()
    if _guard not in guards:
        guards.append(_guard)
    connection_created.connect(_attach, dispatch_uid="unhurried.cache")
    for connection in connections.all(initialized_only=True):
        _ends.attach(connection)


def _attach(*, connection: Any, **_: Any) -> None:
    if not getattr(connection, "unhurried_private", False):
        _ends.attach(connection)
