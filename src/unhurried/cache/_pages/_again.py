"""Making a page again with nobody waiting: asked for inside the process, through all middleware."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import lru_cache
from typing import Any, Final

from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import setting_changed
from django.db import connections

from .._engine._around import surrounded
from .._engine._lookup import again
from .._units._requests import to_keep
from ._asking import environ_of

#: What Django asks a connection to do then; put before that of its class.
STAYS: Final = "close_if_unusable_or_obsolete"


def regenerate(meta: dict[str, Any]) -> None:
    """The page of an entry, by what its ``meta`` says of the request it was made for."""
    fetch(meta)


def fetch(meta: dict[str, Any]) -> tuple[int, str]:
    """Ask for it, and keep what comes; the status, and Cache-Status. In a context of its own: it is
    another request, even where one is under way.
    """
    return copy_context().run(_fetch, meta)


def _fetch(meta: dict[str, Any]) -> tuple[int, str]:
    said: list[tuple[str, Any]] = []
    again.set(True)
    to_keep.set(True)
    with surrounded(meta), _connected():
        response = _handler()(environ_of(meta), lambda *status: said.append(status))
        try:
            for _ in response:
                pass
        finally:
            response.close()
    status, headers = said[0]
    return int(status.partition(" ")[0]), dict(headers).get("Cache-Status", "")


@contextmanager
def _connected() -> Iterator[None]:
    """Its caller's connections stay open: cursors, locks and tables may hang on them.

    Django closes what is old at both ends of a request. Its test client takes the receiver away for
    that time, but from the requests of all threads.
    """
    mine = [
        each
        for each in connections.all(initialized_only=True)
        if each.connection is not None and STAYS not in vars(each)
    ]
    for each in mine:
        setattr(each, STAYS, _nothing)
    try:
        yield
    finally:
        for each in mine:
            delattr(each, STAYS)


def _nothing() -> None: ...


@lru_cache(1)
def _handler() -> Any:
    return WSGIHandler()


def _forget(**_: Any) -> None:
    _handler.cache_clear()


setting_changed.connect(_forget, dispatch_uid="unhurried.cache.handler")
