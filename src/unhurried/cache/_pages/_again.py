"""Making a page again with nobody waiting: asked for inside the process, through all middleware."""

from __future__ import annotations

from contextvars import copy_context
from functools import lru_cache
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import setting_changed

from .._engine._around import surrounded
from .._engine._look import again
from ._asking import environ_of


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
    with surrounded(meta):
        response = _handler()(environ_of(meta), lambda *status: said.append(status))
        try:
            for _ in response:
                pass
        finally:
            response.close()
    status, headers = said[0]
    return int(status.partition(" ")[0]), dict(headers).get("Cache-Status", "")


@lru_cache(1)
def _handler() -> Any:
    return WSGIHandler()


def _forget(**_: Any) -> None:
    _handler.cache_clear()


setting_changed.connect(_forget, dispatch_uid="unhurried.cache.handler")
