"""The instance of an application that ``{% url %}`` leads to, where there are several of it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.http import HttpRequest
from django.urls import URLResolver, get_resolver, get_urlconf

from .._audience._swap import held_by


def instance(request: Any) -> str:
    """``|in=de`` for the key of what is rendered in this request; mostly empty.

    That the request is asked for it tells whoever observes it nothing: it is in their keys, too.
    """
    inner = getattr(request, "_request", request)
    if not isinstance(inner, HttpRequest):
        return ""
    held = held_by(inner)
    match = held.get("resolver_match")
    namespace = held["current_app"] if "current_app" in held else getattr(match, "namespace", "")
    if namespace and _is_one_of_several(get_resolver(get_urlconf()), namespace):
        return f"|in={namespace}"
    return ""


@lru_cache(256)
def _is_one_of_several(resolver: URLResolver, namespace: str) -> bool:
    for name in namespace.split(":"):
        if any(name in names and {*names} != {name} for names in resolver.app_dict.values()):
            return True
        if name not in resolver.namespace_dict:
            return False
        resolver = resolver.namespace_dict[name][1]
    return False
