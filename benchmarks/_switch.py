"""Measuring on and off within one process: with and without the middleware and the tap.

The other wraps (templates, caches, http.client) stay and pass straight through (0.1 us a call):
putting them in and out would make the interpreter forget what it has learnt about those classes,
in the middle of what is to be timed. The table of peers, a process each, includes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.wsgi import WSGIHandler
from django.db import connection

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
        connection.execute_wrappers[:] = [sql.tap] if on else []
        return self._on if on else self._off
