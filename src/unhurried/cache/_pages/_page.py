"""``@cached_page(600)``: a view whose page is kept until its ttl is over or its data change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial, update_wrapper
from time import time
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .._engine._compute import release, stand_in
from .._engine._invalidate import invalidate_name
from .._engine._look import glance
from .._engine._lookup import Lookup
from .._engine._policy import OnChange, Policy
from .._engine._wait import await_, held, wait
from .._errors import CacheError
from .._functions import _registry
from .._functions._cached import Peek
from . import _again, _asking
from ._failed import ANSWERS, Failed
from ._making import Making
from ._options import By, Options, options_of
from ._rendering import deferred
from ._visit import Visit, arrive

if TYPE_CHECKING:
    from .._why._answer import Why

View = Callable[..., Any]


def cached_page(
    ttl: float,
    *,
    soft: float | None = None,
    cache: str | None = None,
    key_prefix: str | None = None,
    params: Iterable[str] = (),
    vary: Iterable[By] = (),
    audience: By = "all",
    on_change: OnChange = "refresh",
    strict: bool = False,
) -> Callable[[View], CachedPage]:
    """Keep what a view answers, for ``ttl`` seconds at most, until what it has read changes.

    In the place of ``cache_page(ttl)``: around functions, coroutines and ``as_view()``, in a
    URLconf too; for a class, ``method_decorator(cached_page(600), name="dispatch")``.

    ``params``: query parameters the page knows; a request with any other goes to the view.
    ``vary``: what else it differs by: "user", "session", "cookie:NAME", "header:NAME", or a
    function of the request that returns a str. ``audience``: "all", "user", "session", or such a
    function: whose page it is; what the view looks at beyond that is found out, and then the page
    is not kept. ``soft``, ``on_change``, ``strict``, ``cache``: as of ``cached``. ``key_prefix``
    tells apart sites that share a cache.

    The view has ``key peek invalidate refresh why``, each called with a URL or a request. Raises
    CacheError for wrong arguments, where they stand.
    """
    if callable(ttl):
        raise CacheError("@cached_page needs its ttl in seconds.", "Write @cached_page(600).")
    given: dict[str, Any] = {"soft": soft, "on_change": on_change, "strict": strict}
    given |= {"cache": cache, "key_prefix": key_prefix, "params": params}
    given |= {"vary": vary, "audience": audience}
    options = options_of("cached_page", ttl, given)

    def decorate(view: View) -> CachedPage:
        return CachedPage(view, options)

    return decorate


class CachedPage:
    """A view and what is kept of its pages. Called like the view; async if that is."""

    __slots__ = ("__dict__", "__weakref__", "is_async", "name", "options", "policy", "view")

    def __init__(self, view: View, options: Options) -> None:
        if not callable(view):
            raise CacheError(f"cached_page: {view!r} is no view.", "Pass SomeView.as_view().")
        self.view, self.options, self.name = view, options, _name_of(view)
        self.policy = Policy(
            *(self.name, options.hard, options.soft, options.on_change, options.strict),
            *(options.alias, "page", None if options.by else _again.regenerate),
        )
        self.is_async = iscoroutinefunction(view)
        update_wrapper(self, view)
        self.unhurried_page = self
        if self.is_async:
            markcoroutinefunction(self)
        if self.name not in _registry.known and not _is_dummy(view):
            _registry.register(self.name, self)

    def __get__(self, instance: object, owner: type) -> CachedPage:
        if instance is None:
            return self
        raise TypeError(
            f"{self.name} is cached as a method. Decorate the class: "
            '@method_decorator(cached_page(600), name="dispatch").'
        )

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if self.is_async:
            return self._acall(request, args, kwargs)
        visit = arrive(self, request, _call(request, args, kwargs))
        lookup = visit.lookup
        if lookup is None:
            return visit.passed(self.view(request, *args, **kwargs))
        if lookup.act == "wait":
            visit.lookup = lookup = wait(lookup)
        if visit.serves():
            return visit.served()
        try:
            making = Making(visit, lookup)
            with making.watching():
                response = self.view(request, *args, **kwargs)
            return self._finish(making, response)
        except Exception as error:  # boundary: a page that fails has an old one behind it
            return instead(visit, lookup, error)

    async def _acall(self, request: HttpRequest, args: Any, kwargs: Any) -> Any:
        call = _call(request, args, kwargs)
        visit = await held(partial(arrive, self, request, call), Visit.give_back)
        lookup = visit.lookup
        if lookup is None:
            return visit.passed(await self.view(request, *args, **kwargs))
        if lookup.act == "wait":
            visit.lookup = lookup = await await_(lookup)
        if visit.serves():
            return await sync_to_async(visit.served)() if visit.has_holes else visit.served()
        try:
            making = await held(partial(Making, visit, lookup), Making.close)
            with making.watching():
                response = await self.view(request, *args, **kwargs)
            return await sync_to_async(self._finish)(making, response)
        except Exception as error:  # boundary: as above
            return await sync_to_async(instead)(visit, lookup, error)

    def _finish(self, making: Making, response: Any) -> Any:
        """Keep it now, when it is rendered, or when all middleware has seen it."""
        making.made()
        if not isinstance(response, HttpResponseBase):
            making.close()
            return response
        if not getattr(response, "is_rendered", True):
            rescue = partial(instead, making.visit, making.lookup)
            finish = partial(self._finish, making)
            return deferred(making, response, finish, rescue)  # type: ignore[arg-type]
        making.split(response)
        if not making.visit.early or making.lookup.act != "compute" or making.holed:
            return making.keep(response)
        if making.refused(response):
            return making.let_go(response)
        making.leave(response)
        return response

    def key(self, target: str | HttpRequest) -> str:
        """What the entry of a URL, or of a request, lies under."""
        return _asking.key(self.name, self.options, target)

    def peek(self, target: str | HttpRequest) -> Peek:
        """What is kept for it; nothing is computed. Its ``value`` is the body, as bytes."""
        lookup = self._lookup(target)
        entry = lookup.entry
        if entry is None or lookup.state == "missing":
            return Peek("missing")
        state = "fresh" if lookup.state == "fresh" else "stale"
        return Peek(state, time() - entry.created, tuple(sorted(entry.tags())), entry.bodies[0])

    def why(self, target: str | HttpRequest) -> Why:
        """What is known of the page of a URL, or of a request, see ``unhurried.cache.why``."""
        return _registry.answers[0](target)  # type: ignore[no-any-return]

    def invalidate(self, target: str | HttpRequest | None = None) -> None:
        """All variants of this URL are old, in each process and host; without one, all URLs'."""
        invalidate_name(self.name if target is None else _asking.label(self.name, target))

    def refresh(self, target: str | HttpRequest) -> None:
        """Make the page of a URL now, whatever is kept; of those anybody may see."""
        self.invalidate(target)  # whoever has a copy ready asks for its tokens alone
        _again.fetch(_asking.meta_of(target))

    def _lookup(self, target: str | HttpRequest) -> Lookup:
        key = self.key(target)
        return glance(self.policy, key) if key else Lookup(self.policy, "", (), None)


def instead(visit: Visit, lookup: Lookup, error: Exception) -> HttpResponseBase:
    """The old page, if there is one and this is no answer but a failure."""
    release(lookup)  # also where the making of it had not begun, or has failed half way
    if isinstance(error, (*ANSWERS, CacheError)):
        raise error
    try:
        stand_in(lookup, error)
    except Failed as failed:
        return failed.response
    return visit.answered(lookup)


def _call(request: HttpRequest, args: Any, kwargs: Any) -> tuple[Any, Any] | None:
    """The arguments, unless they are those of the URL, which is in the key anyway."""
    match = request.resolver_match
    if match is None:
        return (args, kwargs) if args or kwargs else None
    known = tuple(match.args) == args and match.kwargs == kwargs
    return None if known else (args, kwargs)


def _name_of(view: Any) -> str:
    """Dotted; of a class's method, and of ``as_view()``, the class: all share one ``dispatch``."""
    bound: Any = getattr(view, "func", None)  # of a partial
    owner: Any = type(bound.__self__) if hasattr(bound, "__self__") else None
    owner = owner or getattr(view, "view_class", None) or bound or view
    owner = getattr(getattr(view, "__self__", None), "view_func", owner)  # of django-ninja, say
    inner = owner if hasattr(owner, "__qualname__") else type(owner)
    return f"{inner.__module__}.{_qualname(inner)}"


def _qualname(thing: Any) -> str:
    """A class that is made for a function may have that one's name: ``@api_view`` makes such."""
    around, dot, last = thing.__qualname__.rpartition(".")
    return f"{around}{dot}{thing.__name__ if isinstance(thing, type) else last}"


def _is_dummy(view: Any) -> bool:
    """``method_decorator`` tries a decorator on a function of its own, to see what it adds."""
    return str(getattr(view, "__qualname__", "")).startswith("_update_method_wrapper.")
