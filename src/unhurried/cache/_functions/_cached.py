"""``@cached(600)``: a function whose value is kept until its ttl is over or its data change."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from time import time
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction

from .._engine import _counts, _refreshing
from .._engine._around import around, leading, surrounded
from .._engine._compute import Computing, own_unit, stand_in
from .._engine._entry import Entry
from .._engine._invalidate import invalidate_name
from .._engine._look import glance, insist, look, use
from .._engine._lookup import SERVED, Lookup, again
from .._engine._policy import OnChange, Policy, checked
from .._engine._wait import await_, wait
from .._errors import CacheError
from .._fragments._holes import OPAQUE, collected
from .._units._caches import noticed
from . import _registry
from ._keys import key_of
from ._values import JSON, Serializer, dumped

if TYPE_CHECKING:
    from .._why._answer import Why

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Peek:
    """What is kept for a call, without computing it.

    ``state`` is "fresh", "stale" (past its soft ttl, or its data have changed) or "missing";
    ``age`` is in seconds, None when missing; ``tags`` is what it depends on.
    """

    state: str
    age: float | None = None
    tags: tuple[str, ...] = ()
    value: Any = None


def cached(
    ttl: float,
    *,
    key: str | None = None,
    soft: float | None = None,
    on_change: OnChange = "refresh",
    strict: bool = False,
    cache: str = "default",
    serializer: Serializer | None = None,
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]:
    """Keep what a function returns, for ``ttl`` seconds at most, until what it has read changes.

    Its key is ``name:arg:arg``: ``key`` is the name, by default the dotted one. Arguments are str,
    numbers, bool, None, dates, Decimal, UUID, and lists, tuples and dicts of them; instances,
    querysets and requests raise TypeError. Values are JSON (tuples come back as lists), or what
    ``serializer`` dumps to bytes and loads. ``soft``: from then on regenerated in the background.
    ``on_change``: "refresh" (the first reader recomputes, who comes meanwhile gets the old value),
    "wait" (nobody gets the old one), "serve" (all get it while it is made in the background).
    ``strict``: refuses writes that can't be announced. ``cache``: alias of the cache that keeps it.

    The function has ``key peek invalidate refresh why``, each called with its arguments.
    """

    def decorate(function: Callable[P, R]) -> CachedFunction[P, R]:
        name = key or f"{function.__module__}.{function.__qualname__}"
        hard, softer = checked(f"cached {name}", ttl, soft, on_change, strict)
        found = CachedFunction(function, name, serializer or JSON())
        found.policy = Policy(
            name, hard, softer, on_change, strict, cache, "function", found.regenerate
        )
        _registry.register(name, found)
        return found

    if key is not None and (not isinstance(key, str) or not key):
        raise CacheError(f"cached: key={key!r} is no name.", "Pass a str: it begins each key.")
    if callable(ttl):
        raise CacheError("@cached needs its ttl in seconds.", "Write @cached(600).")
    return decorate


class CachedFunction(Generic[P, R]):
    """A function and what is kept of it. Called like the function; async if that is."""

    policy: Policy

    def __init__(self, function: Callable[P, R], name: str, serializer: Serializer) -> None:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise CacheError(
                f"cached {name}: a generator can be read once only.", "Return a list of its items."
            )
        self.function, self.name, self.serializer = function, name, serializer
        self.signature = inspect.signature(function)
        self._plain = _plain(self.signature)
        self.is_async = iscoroutinefunction(function)
        update_wrapper(self, function)
        if self.is_async:
            markcoroutinefunction(self)

    def __get__(self, instance: object, owner: type) -> CachedFunction[P, R]:
        if instance is None:
            return self
        kind = type(instance).__name__
        raise TypeError(
            f"{self.name}: a {kind} is what may change, no argument. Make it a staticmethod, or a "
            "function, and pass what it needs (book.pk)."
        )

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.is_async:
            return self._acall(args, kwargs)  # type: ignore[return-value]
        lookup = self._look(args, kwargs)
        if lookup.act == "wait":
            lookup = wait(lookup)
        if lookup.act in SERVED:
            return self._served(lookup, args, kwargs)  # type: ignore[no-any-return]
        try:
            with Computing(lookup) as computing, collected(OPAQUE), noticed(computing.unit):
                found = self.function(*args, **kwargs)
                return self._keep(computing, args, kwargs, found)  # type: ignore[no-any-return]
        except Exception as error:  # boundary: a regeneration that fails has an old value behind it
            return self._loads(stand_in(lookup, error))  # type: ignore[no-any-return]

    async def _acall(self, args: Any, kwargs: Any) -> Any:
        lookup = self._look(args, kwargs)
        if lookup.act == "wait":
            lookup = await await_(lookup)
        if lookup.act in SERVED:
            return self._served(lookup, args, kwargs)
        try:
            with Computing(lookup) as computing, collected(OPAQUE), noticed(computing.unit):
                value = await self.function(*args, **kwargs)  # type: ignore[misc]
                return self._keep(computing, args, kwargs, value)
        except Exception as error:  # boundary: as above
            return self._loads(stand_in(lookup, error))

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """``username:jacob``."""
        if not kwargs and len(args) == self._plain:
            return key_of(self.name, args)
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return key_of(self.name, tuple(bound.arguments.values()))

    def peek(self, *args: P.args, **kwargs: P.kwargs) -> Peek:
        """What is kept for this call; nothing is computed."""
        lookup = glance(self.policy, f"{around()}{leading()}|{self.key(*args, **kwargs)}")
        entry = lookup.entry
        if entry is None or lookup.state == "missing":
            return Peek("missing")
        state = "fresh" if lookup.state == "fresh" else "stale"
        tags = tuple(sorted(entry.tags()))
        return Peek(state, time() - entry.created, tags, self._loads(entry))

    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """This call's value is old, in each process; without arguments, all of them are."""
        invalidate_name(self.key(*args, **kwargs) if args or kwargs else self.name)

    def why(self, *args: P.args, **kwargs: P.kwargs) -> Why:
        """What is known of this call's value, see ``unhurried.cache.why``."""
        return _registry.answers[0](self.key(*args, **kwargs))  # type: ignore[no-any-return]

    def refresh(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Compute it now, whatever is kept, and keep it."""
        if self.is_async:
            return self._arefresh(args, kwargs)  # type: ignore[return-value]
        token = again.set(True)
        try:
            return self(*args, **kwargs)
        finally:
            again.reset(token)

    async def _arefresh(self, args: Any, kwargs: Any) -> Any:
        """A coroutine begins when it is awaited, and not before."""
        token = again.set(True)
        try:
            return await self._acall(args, kwargs)
        finally:
            again.reset(token)

    def regenerate(self, meta: dict[str, Any]) -> None:
        """Do again the call that an entry was made by, as a unit of work of its own."""
        args, kwargs = meta["call"]
        with surrounded(meta), own_unit():
            done: Any = self.refresh(*args, **kwargs)
            if self.is_async:
                async_to_sync(_awaited)(done)

    def _look(self, args: Any, kwargs: Any) -> Lookup:
        key = self.key(*args, **kwargs)
        lookup = look(self.policy, f"{around()}{leading()}|{key}", (key,))
        if again.get():
            again.set(False)  # what it calls is not meant
            insist(lookup)
        return lookup

    def _served(self, lookup: Lookup, args: Any, kwargs: Any) -> Any:
        if lookup.act == "refresh":
            _refreshing.ask(lookup)
        entry = use(lookup)
        _counts.hit(self.name, lookup.state, entry.delta)
        return self._loads(entry)

    def _keep(self, computing: Computing, args: Any, kwargs: Any, value: Any) -> Any:
        """Callers get what the next ones will: the value as it comes back from the cache."""
        body = dumped(self.name, self.serializer, value)
        meta = {**computing.around, **_call(args, kwargs)}
        return self._loads(computing.keep((body,), meta))

    def _loads(self, entry: Entry) -> Any:
        return self.serializer.loads(entry.bodies[0])


def _plain(signature: inspect.Signature) -> int:
    """How many arguments there are, if each may be given by its place; else -1."""
    kinds = [parameter.kind for parameter in signature.parameters.values()]
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return len(kinds) if all(kind in by_place for kind in kinds) else -1


async def _awaited(value: Any) -> Any:
    return await value


def _call(args: Any, kwargs: Any) -> dict[str, Any]:
    """The call as JSON, where it is the same call when it comes back."""
    call = [list(args), dict(kwargs)]
    try:
        same = json.loads(json.dumps(call)) == call
    except (TypeError, ValueError):
        same = False
    return {"call": call} if same else {}
