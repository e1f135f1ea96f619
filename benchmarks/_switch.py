"""Measuring on and off within one process: with and without the middleware and the tap.

*Off* has no receiver of ``connection_created`` either, so that a connection opened by a page gets
no tap. The other wraps (templates, caches, http.client) stay and pass straight through (0.1 us a
call): putting them in and out would make the interpreter forget what it has learnt about those
classes, in the middle of what is to be timed. The table of peers, a process each, includes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.wsgi import WSGIHandler
from django.db import connection, connections
from django.db.backends.signals import connection_created

from unhurried.measure._probes import sql

MIDDLEWARE = "unhurried.middleware.UnhurriedMiddleware"


class Switch:
    def __init__(self) -> None:
        without = list(settings.MIDDLEWARE)
        self._off = WSGIHandler()
        settings.MIDDLEWARE = [MIDDLEWARE, *without]
        self._on = WSGIHandler()
        settings.MIDDLEWARE = without

    def application(self, *, on: bool) -> Callable[..., Any]:
        connection_created.disconnect(dispatch_uid="unhurried.tap")
        connection.execute_wrappers.clear()
        for name in ("make_cursor", "make_debug_cursor"):
            vars(connections["default"]).pop(name, None)
        if on:
            sql.install()
        return self._on if on else self._off
