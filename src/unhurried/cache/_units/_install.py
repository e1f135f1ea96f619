"""Put the guard in its place: on every connection, open or to come."""

from __future__ import annotations

from django.db import connections

from unhurried.measure.reading import attached, guards, install_tap

from . import _ends
from ._guard import Guard

_guard = Guard()


def install() -> None:
    """In every process of the site, those that only write too; twice is once."""
    install_tap()
    if _guard not in guards:
        guards.append(_guard)
    if _ends.attach not in attached:
        attached.append(_ends.attach)
    for connection in connections.all(initialized_only=True):
        _ends.attach(connection)
