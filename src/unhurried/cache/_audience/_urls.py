"""The views of the URLconf that keep pages, and what they are wrapped in."""

from __future__ import annotations

from collections.abc import Iterator
from types import MethodType
from typing import Any, Final

from django.conf import settings
from django.middleware.cache import CacheMiddleware
from django.urls import URLPattern, URLResolver, get_resolver

_DEEP: Final = 12  # decorators around each other


def pages() -> Iterator[tuple[str, Any]]:
    """Each (route, view) where ``cached_page`` is among the decorators; none without a URLconf."""
    if not hasattr(settings, "ROOT_URLCONF"):
        return
    for route, view in _views(get_resolver().url_patterns, ""):
        if any(hasattr(part, "unhurried_page") for part in parts(view)):
            yield route, view


def kept_by_route() -> dict[str, str]:
    """Route -> the name under which its page is kept, for those that are."""
    return {route: page_of(view).name for route, view in pages()}


def page_of(view: Any) -> Any:
    """The cached page among a view and what it wraps, or None."""
    found = (getattr(part, "unhurried_page", None) for part in parts(view))
    return next((page for page in found if page is not None), None)


def _views(patterns: Any, before: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


def has_cache_page(view: Any) -> bool:
    """Whether Django's decorator is around the view: its wrappers hold the middleware."""
    return any(isinstance(part, CacheMiddleware) or part is CacheMiddleware for part in parts(view))


def parts(view: Any) -> Iterator[Any]:
    """A view, what it wraps, what its decorators hold, and the methods of its class."""
    waiting, known = [(view, 0)], set()
    while waiting:
        part, depth = waiting.pop()
        if id(part) not in known and depth <= _DEEP:
            known.add(id(part))
            yield part
            waiting += [(each, depth + 1) for each in _held(part)]


def _held(part: Any) -> Iterator[Any]:
    if isinstance(part, tuple | list):
        yield from part
    elif isinstance(part, MethodType):
        yield part.__func__
    elif callable(part) and not isinstance(part, type):
        yield getattr(part, "__wrapped__", None)
        yield from _methods(getattr(part, "view_class", None))
        yield from _cells(part)


def _cells(part: Any) -> Iterator[Any]:
    for cell in getattr(part, "__closure__", None) or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            pass


def _methods(view_class: Any) -> Iterator[Any]:
    for name in ("dispatch", "get"):
        yield getattr(view_class, name, None)
