"""The tools, each as its documentation says. Their imports wait until Django is set up."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .setup import TTL, Tool, View, same

DJANGO_FETCH = "django.middleware.cache.FetchFromCacheMiddleware"
DJANGO_UPDATE = "django.middleware.cache.UpdateCacheMiddleware"
OURS = "unhurried.middleware.UnhurriedMiddleware"


def cache_page(view: View) -> View:
    from django.views.decorators.cache import cache_page

    return cache_page(TTL)(view)


def get_or_set(function: View) -> View:
    """What people write by hand, with a delete beside each write."""
    from django.core.cache import cache

    name = function.__name__
    return lambda pk: cache.get_or_set(f"{name}:{pk}", partial(function, pk), TTL)


def delete(name: str, pk: int) -> None:
    from django.core.cache import cache

    cache.delete(f"{name}:{pk}")


def cache_tag(function: View) -> View:
    """Django's fragment in a template; nothing tells it of a write."""
    from django.template import engines

    source = "{% load cache %}{% cache ttl name pk %}{{ value }}{% endcache %}"
    template, name = engines["django"].from_string(source), function.__name__

    def render(pk: int) -> str:
        given = {"ttl": TTL, "name": name, "pk": pk, "value": partial(function, pk)}
        return template.render(given)

    return render


def cacheback(function: View) -> View:
    from cacheback.decorators import cacheback

    return cacheback(lifetime=TTL)(function)


def cacheback_written(name: str, pk: int) -> None:
    from . import views

    views.kept(name).job.delete(getattr(views, name), pk)


def cached_as(function: View, **options: Any) -> View:
    """Cacheops asks to be told what a value is made of; ten tables, or one."""
    from cacheops import cached_as

    from .models import PARTS

    tables = PARTS if function.__name__ == "body" else PARTS[:1]
    return cached_as(*tables, timeout=TTL, **options)(function)


def cached_view_as(view: View) -> View:
    from cacheops import cached_view_as

    from .models import PARTS

    return cached_view_as(*PARTS, timeout=TTL)(view)


def cached(function: View) -> View:
    from unhurried.cache import cached

    return cached(TTL)(function)


def cached_page(view: View) -> View:
    from unhurried.cache import cached_page

    return cached_page(TTL)(view)


def by_cacheops(keeps: str, wrap: Callable[[View], View] = same, **more: Any) -> Tool:
    ops = "all" if keeps == "rows" else ()
    profile = {"*.*": {"ops": ops, "timeout": TTL}}
    return Tool(keeps, wrap, apps=("cacheops",), settings={"CACHEOPS": profile, **more})


def by_cacheback(entries: str) -> Tool:
    given = {"apps": ("cacheback",), "entries": entries}
    return Tool("values", cacheback, cacheback_written, **given)


def by_cachalot(entries: str) -> Tool:
    return Tool("rows", apps=("cachalot",), entries=entries)


def by_us(keeps: str, entries: str, *, door: bool = False) -> Tool:
    wrap = cached_page if keeps == "pages" else cached
    given = {"apps": ("unhurried",), "middleware": (OURS,), "entries": entries}
    return Tool(keeps, wrap, **given, door=door)


def by_site(entries: str) -> Tool:
    """Django's cache of the whole site, as early as it can be."""
    given = {"middleware": (DJANGO_UPDATE, DJANGO_FETCH), "entries": entries}
    return Tool("site", settings={"CACHE_MIDDLEWARE_SECONDS": TTL}, **given)


#: For the forced race: who is told of a write, and how.
RACERS: dict[str, Tool] = {
    "cache_page": Tool("pages", cache_page),
    "get_or_set, delete": Tool("values", get_or_set, delete),
    "cacheback": by_cacheback("redis"),
    "cachalot": by_cachalot("redis"),
    "cacheops": by_cacheops("rows"),
    "cacheops, INSIDEOUT": by_cacheops("rows", CACHEOPS_INSIDEOUT=True),
    "cacheops cached_as": by_cacheops("values", cached_as),
    "cacheops keep_fresh": by_cacheops("values", partial(cached_as, keep_fresh=True)),
    "unhurried cached": by_us("values", "redis"),
    "unhurried cached_page": by_us("pages", "redis"),
}

UNTOUCHED = Tool("nothing", entries="locmem")

#: For hits on one page of 20 KB. The first two are what the others are compared with.
HITS: dict[str, Tool] = {
    "cache_page, locmem": Tool("pages", cache_page, entries="locmem"),
    "cache_page, redis": Tool("pages", cache_page),
    "cache_page, memcached": Tool("pages", cache_page, entries="memcached"),
    "whole site, first, locmem": by_site("locmem"),
    "cacheback, locmem": by_cacheback("locmem"),
    "cacheback, redis": by_cacheback("redis"),
    "cachalot, locmem": by_cachalot("locmem"),
    "cachalot, redis": by_cachalot("redis"),
    "cacheops, redis": by_cacheops("rows"),
    "cacheops cached_view_as": by_cacheops("pages", cached_view_as),
    "unhurried, locmem": by_us("pages", "locmem"),
    "unhurried, redis": by_us("pages", "redis"),
    "unhurried door, locmem": by_us("pages", "locmem", door=True),
    "unhurried door, redis": by_us("pages", "redis", door=True),
    "unhurried door, memcached": by_us("pages", "memcached", door=True),
}

#: For a tagged hit beside a plain one.
GETS: dict[str, Tool] = {
    "redis": by_us("values", "redis"),
    "memcached": by_us("values", "memcached"),
}

#: For pages that are not kept yet.
MISSES = (
    "cache_page, locmem",
    "cache_page, redis",
    "cacheback, redis",
    "cachalot, redis",
    "cacheops, redis",
    "cacheops cached_view_as",
    "unhurried, locmem",
    "unhurried, redis",
)

#: For readers who come all at once.
CROWDS: dict[str, Tool] = {
    "cache_page": Tool("pages", cache_page),
    "{% cache %}": Tool("values", cache_tag),
    "get_or_set, delete": Tool("values", get_or_set, delete),
    "cacheback": by_cacheback("redis"),
    "cacheops cached_as": by_cacheops("values", cached_as),
    "cacheops lock=True": by_cacheops("values", partial(cached_as, lock=True)),
    "unhurried cached, redis": by_us("values", "redis"),
    "unhurried cached, memcached": by_us("values", "memcached"),
    "unhurried cached, files": by_us("values", "file"),
    "unhurried cached, database": by_us("values", "database"),
    "unhurried page, redis": by_us("pages", "redis"),
}

#: For writes that many entries depend on.
WRITERS: dict[str, Tool] = {
    "no tool": UNTOUCHED,
    "cachalot, redis": by_cachalot("redis"),
    "cacheops cached_as": by_cacheops("values", cached_as),
    "unhurried, redis": by_us("values", "redis"),
    "unhurried, memcached": by_us("values", "memcached"),
    "unhurried, embedded": by_us("values", "locmem"),
}
