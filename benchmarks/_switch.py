"""Measuring on and off within one process: the middleware, the tap and every wrap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.wsgi import WSGIHandler
from django.db import connection
from django.db.backends.signals import connection_created

from unhurried.measure import _install, _wraps
from unhurried.measure._probes import sql

MIDDLEWARE = "unhurried.middleware.UnhurriedMiddleware"


class Switch:
    def __init__(self) -> None:
        without = list(settings.MIDDLEWARE)
        self._off = WSGIHandler()
        settings.MIDDLEWARE = [MIDDLEWARE, *without]
        self._on = WSGIHandler()
        settings.MIDDLEWARE = without
        self._is_on = True

    def application(self, *, on: bool) -> Callable[..., Any]:
        """The application, with everything of ours installed, or nothing at all."""
        if on != self._is_on:
            self._is_on = on
            if on:
                _install.install()
                sql.attach(connection)
            else:
                _wraps.unwrap_all()
                connection_created.disconnect(dispatch_uid="unhurried.tap")
                connection.execute_wrappers.clear()
        return self._on if on else self._off
