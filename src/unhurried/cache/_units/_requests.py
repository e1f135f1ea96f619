"""A request as a unit of work, from before the first middleware: Django's own signals say when.

Recording costs a look at the tokens for each new table, so a request records only what is computed
for the cache. What that has read before it began is part of it too, though; where something was,
the route is marked, and its next request records from the start; so does one that is made in the
background, or by ``warm``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Final

from django.core.signals import request_finished, request_started, setting_changed
from django.urls import Resolver404, resolve

from ._unit import Unit, current, marked

MOST_PATHS: Final = 4096
#: The request to come is asked for to be kept: there is none after it that might be.
to_keep: ContextVar[bool] = ContextVar("unhurried_to_keep", default=False)


def install() -> None:
    request_started.connect(_begin, dispatch_uid="unhurried.cache")
    request_finished.connect(_end, dispatch_uid="unhurried.cache")
    setting_changed.connect(_forget, dispatch_uid="unhurried.cache.routes")


def begun(unit: Unit) -> str:
    """Record from now on. What was read before can't be known any more: the reason, or nothing."""
    if unit.recording:
        return ""
    if not unit.unrecorded:
        unit.recording = True
        return ""
    marked.add(_route(unit.path) if unit.path.startswith("/") else unit.path)
    return "its request had read something before it; the next one is recorded from its start"


def _begin(
    *, environ: Mapping[str, Any] | None = None, scope: Mapping[str, Any] | None = None, **_: Any
) -> None:
    current.set(_unit(_path(environ, scope)))


def enter(path: str) -> None:
    """The same where the signal's receivers run in a context of their own: under ASGI."""
    if current.get() is None:
        current.set(_unit(path))


def _unit(path: str) -> Unit:
    return Unit(path, recording=to_keep.get() or (bool(marked) and _route(path) in marked))


def _end(**_: Any) -> None:
    current.set(None)


def _path(environ: Mapping[str, Any] | None, scope: Mapping[str, Any] | None) -> str:
    if environ is not None:
        raw = str(environ.get("PATH_INFO", ""))
        if raw.isascii():
            return raw
        return raw.encode("latin-1", "replace").decode("utf-8", "replace")  # as PEP 3333 has it
    if scope is None:
        return ""
    path, root = str(scope.get("path", "")), str(scope.get("root_path", ""))
    return path.removeprefix(root) if root else path


@lru_cache(MOST_PATHS)
def _route(path: str) -> str:
    """The route of a path, or the path itself where there is none: one mark for all its pages."""
    try:
        return str(resolve(path).route)
    except Resolver404:
        return path


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "ROOT_URLCONF":
        _route.cache_clear()
