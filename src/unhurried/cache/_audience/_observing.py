"""Observe a request for the time of a block.

Inputs are wrapped, not hooked, and inside the decorator of the view: whatever the middleware around
it has looked at, a page that is kept is not made from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from django.http import HttpRequest
from django.utils.functional import LazyObject

from ._inputs import Headers, Lazy, Session, Whole
from ._put_on import put_on
from ._requests import Observed, Outer
from ._risky import neutral
from ._swap import restore, swap, watch_of
from ._watch import Observation, Watch, deaf, silence

_NAMES: Final = {"user": "user", "_csp_nonce": "nonce", "csp_nonce": "nonce"}

#: Objects that may have been handed on before the block began, and go on telling there.
_HOLDERS: Final[dict[str, tuple[type, str]]] = {
    "_messages": (Whole, "messages"),
    "headers": (Headers, "headers"),
    "session": (Session, "session"),
}


@contextmanager
def observing(
    request: Any,
    lazies: Mapping[str, object] | None = None,
    known: Collection[str] = (),
    csrf: Callable[[], str] | None = None,
) -> Iterator[Observation]:
    """Note what of ``request`` is looked at until the block ends, in whatever thread or task.

    ``request`` is Django's, one around it (REST framework's), or None, where there is none. Blocks
    nest, and may end in any order: what is touched in an inner one counts for the
    outer ones as well. ``lazies`` names lazy values of the request that were made before the block
    and are reached by other ways, as ``{"csrf": context["csrf_token"]}``; others are ignored.
    What is ``known`` to be in the key need not be noted, which is quicker: ``IN_EACH_PAGE``.
    ``csrf`` tells a secret that is shown in the place of the reader's own, see ``_automatic``.

    The block must reach to the end of rendering. It does not see what was taken out of the request
    before it began: a copy of META or of the cookies, a header in a variable.
    """
    observation = Observation(known, csrf)
    watch = _begin(request, observation)
    _watch_lazies(lazies or {}, watch)
    try:
        yield observation
    finally:
        _end(watch, observation)


def apart(request: Any) -> AbstractContextManager[None]:
    """What is made in here is no part of what is being observed: it is put in for each reader."""
    if request is None:
        return nullcontext()
    return deaf(watch_of(getattr(request, "_request", request)).observations)


def called(function: Callable[[Any], Any], request: Any) -> tuple[Any, frozenset[str]]:
    """What a callable ``vary`` or ``audience`` says of a request, and what it looked at for that.

    Those names are what ``unproven`` takes as ``allowed``.
    """
    with observing(request) as seen:
        value = function(request)
    return value, frozenset(seen.touched)


def _begin(request: Any, observation: Observation) -> Watch:
    inner = getattr(request, "_request", request)
    if not isinstance(inner, HttpRequest):
        watch = Watch(wary=False)
        watch.observations.append(observation)
        return watch
    watch = _joined(inner, observation)
    if inner is not request:
        swap(request, Outer, watch)
    return watch


def _joined(request: HttpRequest, observation: Observation) -> Watch:
    """The watch of a request, which may be an outer block's already."""
    watch = watch_of(request)
    if not watch.observations:
        watch = Watch(wary=bool(neutral()))
    held: dict[str, Any] = object.__getattribute__(request, "__dict__")
    observation.foreign = {*held, "META", "environ", "COOKIES", "headers", "GET"}
    observation.foreign |= {f"user.{name}" for name in put_on(held.get("user"))}
    watch.observations.append(observation)
    _watch_values(held, watch)
    if not swap(request, Observed, watch):
        observation.touched["request"] = f"{type(request).__qualname__}, which can't be watched"
    if "urlconf" in held:  # it has chosen the view, and every address that the page reverses
        observation.touched["attr:urlconf"] = "the middleware that sets request.urlconf"
    return watch


def _watch_values(held: dict[str, Any], watch: Watch) -> None:
    for name, value in [*held.items()]:
        if name in _HOLDERS:
            mixin, whole = _HOLDERS[name]
            swap(value, mixin, watch, whole)
        elif issubclass(type(value), LazyObject):
            swap(value, Lazy, watch, _NAMES.get(name, f"attr:{name}"))


def _watch_lazies(lazies: Mapping[str, object], watch: Watch) -> None:
    for name, value in lazies.items():
        if issubclass(type(value), LazyObject):
            swap(value, Lazy, watch, name)


def _end(watch: Watch, observation: Observation) -> None:
    watch.observations.remove(observation)
    if not watch.observations:
        with silence():
            restore(watch)
