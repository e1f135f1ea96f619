"""Measuring on and off within one process: with and without the middleware, the tap and its guard.

*Off* has no receiver of ``connection_created`` either, so that a connection opened by a page gets
no tap, and the ends of its transactions are Django's own. The other wraps (templates, caches,
http.client) stay and pass straight through (0.1 us a call): putting them in and out would make the
interpreter forget what it has learnt about those classes, in the middle of what is to be timed. The
table of peers, a process each, includes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.wsgi import WSGIHandler
from django.db import connection, connections
from django.db.backends.signals import connection_created

from unhurried.cache._units import _install as guard
from unhurried.measure._probes import sql

#: What lies on a connection of ours.
ON_CONNECTIONS = (
    *("make_cursor", "make_debug_cursor"),
    *("commit", "rollback", "close", "set_autocommit", "unhurried_ends"),
)
MIDDLEWARE = "unhurried.middleware.UnhurriedMiddleware"


class Switch:
    def __init__(self) -> None:
        without = list(settings.MIDDLEWARE)
        self._off = WSGIHandler()
        settings.MIDDLEWARE = [MIDDLEWARE, *without]
        self._on = WSGIHandler()
        settings.MIDDLEWARE = without

    def application(self, *, on: bool) -> Callable[..., Any]:
        for uid in ("unhurried.tap", "unhurried.cache"):
            connection_created.disconnect(dispatch_uid=uid)
        connection.execute_wrappers.clear()
        for name in ON_CONNECTIONS:
            vars(connections["default"]).pop(name, None)
        if on:
            sql.install()
            guard.install()
        return self._on if on else self._off
