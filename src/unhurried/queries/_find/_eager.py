"""Eager loads that nobody reads: dictionaries that notice what is taken out of them."""

from __future__ import annotations

import sys
from typing import Any, Final

from django.db.models import Model
from django.db.models.query import prefetch_one_level, prefetch_related_objects

_ONE_LEVEL: Final = prefetch_one_level.__code__
_PREFETCHING: Final = {prefetch_related_objects.__code__, _ONE_LEVEL}
_NEAR: Final = 12  # frames from a prefetch's own read up to the prefetch


class Load:
    """One relation loaded ahead by one queryset: for how many, and whether any was read."""

    __slots__ = ("how", "loaded", "reads")

    def __init__(self, how: str) -> None:
        self.how = how
        self.loaded = 0
        self.reads = 0


class Watched(dict[str, Any]):
    """A cache of relations that notes which are read.

    It pickles and copies as a plain dict; whether the copy is read is out of sight, so it counts as
    read, as does whatever looks at all of it.
    """

    __slots__ = ("_loads",)

    def __init__(self, values: dict[str, Any], loads: dict[str, Load]) -> None:
        super().__init__(values)
        self._loads = loads

    def __getitem__(self, name: str) -> Any:
        load = self._loads.get(name)
        if load is not None and not _by_prefetch():
            load.reads += 1
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401 (by way of __getitem__)

    def values(self) -> Any:
        self._read_all()
        return super().values()

    def items(self) -> Any:
        self._read_all()
        return super().items()

    def copy(self) -> dict[str, Any]:
        self._read_all()
        return dict(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self.copy(),)

    def _read_all(self) -> None:
        for name in self:
            if name in self._loads:
                self._loads[name].reads += 1


def _by_prefetch() -> bool:
    """A prefetch reads the relations it goes through; that is no use of them."""
    frame = sys._getframe(2)
    for _ in range(_NEAR):
        if frame.f_code in _PREFETCHING:
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False


def watch_joined(instance: Model, origin: Any, selected: dict[str, Any]) -> None:
    """Look at what ``select_related`` has put into an instance."""
    state: Any = instance._state
    cache = state.fields_cache
    for name in selected:
        if isinstance(cache.get(name), Model):
            load = origin.eager.get(name)
            if load is None:
                load = origin.eager[name] = Load("select_related")
            load.loaded += 1
    state.fields_cache = Watched(cache, origin.eager)


def watch_prefetched(instance: Any, origin: Any) -> None:
    """Give the instance the dictionaries that the prefetch is going to fill."""
    state = instance._state
    state.fields_cache = Filled(state.fields_cache, origin.eager)
    own = object.__getattribute__(instance, "__dict__")  # past __setattr__ of the model's
    if "_prefetched_objects_cache" not in own:
        own["_prefetched_objects_cache"] = Filled({}, origin.eager)


class Filled(Watched):
    """The same for prefetches, which come after the instance."""

    __slots__ = ()

    def __setitem__(self, name: str, value: Any) -> None:
        if sys._getframe(1).f_code is _ONE_LEVEL:
            load = self._loads.get(name)
            if load is None:
                load = self._loads[name] = Load("prefetch_related")
            load.loaded += 1
        super().__setitem__(name, value)


def without(selected: Any, path: str) -> Any:
    """``select_related`` of a query, less one path."""
    return _less(selected, path.split("__")) or False if isinstance(selected, dict) else selected


def _less(selected: dict[str, Any], steps: list[str]) -> dict[str, Any]:
    head, *rest = steps
    kept = {name: inner for name, inner in selected.items() if name != head}
    if rest and head in selected:
        kept[head] = _less(selected[head], rest)
    return kept


def without_prefetch(lookups: Any, path: str) -> Any:
    """Prefetches less one path and what goes through it; ``author`` stays of ``author__books``."""
    head = path.rpartition("__")[0]
    for lookup in lookups:
        through = getattr(lookup, "prefetch_through", lookup)
        if through != path and not through.startswith(f"{path}__"):
            yield lookup
        elif head:
            yield head
