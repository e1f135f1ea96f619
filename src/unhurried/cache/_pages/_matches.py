"""Which cached page a path leads to, before Django resolves it; and whether it may be sent then."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.conf import settings as django_settings
from django.urls import Resolver404, ResolverMatch, get_resolver
from django.urls.resolvers import URLResolver

from unhurried.conf import settings

from .._audience._risky import neutral
from ._conditional import OURS
from ._page import CachedPage


def allowed() -> bool:
    """Whether pages may be sent before the other middleware: ours is first, and of each of the
    others somebody has said that a page may do without it.
    """
    middleware = django_settings.MIDDLEWARE
    return bool(middleware) and middleware[0] == OURS and not settings.TENANT and not neutral()


def match(path: str, language: str | None) -> ResolverMatch | None:
    """The match, if the view is a cached page whose key can be told already.

    Not one that another decorator is around: that one may ask who it is.
    """
    return _match(get_resolver(django_settings.ROOT_URLCONF), path, language)


@lru_cache(4096)
def _match(resolver: URLResolver, path: str, language: Any) -> ResolverMatch | None:
    """Call it with ``language`` active, as prefixes of paths are matched by it."""
    try:
        found = resolver.resolve(path)
    except Resolver404:
        return None
    view = found.func
    return found if type(view) is CachedPage and view.options.early else None
