"""Lanes: named kinds of background work, each with the one function that does all of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

from unhurried.measure import measured

from ._errors import LaterError

Drain = Callable[[], object]
D = TypeVar("D", bound=Drain)

_lanes: dict[str, Drain] = {}
_long: set[str] = set()
#: Called in each worker before it drains.
workers: list[Callable[[], object]] = []


def lane(name: str, *, long: bool = False) -> Callable[[D], D]:
    """Make the function the drain of a lane.

    It takes no arguments, finds out for itself what there is to do, and does it all. It may be
    called when there is nothing to do, and by several processes at once. What takes ``long`` has a
    thread of its own where this process drains it, so that no other lane waits for it.

    Raises:
        LaterError: another function drains that lane.
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"lane() wants the lane's name, a non-empty str, not {name!r}.")

    def register(function: D) -> D:
        other = _lanes.setdefault(name, function)
        if _path(other) != _path(function):
            raise LaterError(
                f"The lane {name!r} is drained by {_path(other)}, not by {_path(function)} too.",
                "Give the lane another name.",
            )
        _lanes[name] = function  # its module may have been loaded again
        if long:
            _long.add(name)
        return function

    return register


def _path(function: Drain) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def is_long(name: str) -> bool:
    return name in _long


def drain_of(name: str) -> Drain:
    """The function that drains a lane; LaterError if this process knows none."""
    try:
        return _lanes[name]
    except KeyError:
        known = ", ".join(sorted(_lanes)) or "none"
        raise LaterError(
            f"No lane is called {name!r}; this process knows {known}.",
            "A worker needs the site's INSTALLED_APPS, 'unhurried' among them, and its release.",
        ) from None


def run(name: str, *, worker: bool = False) -> None:
    """Drain a lane here and now, measured as a unit of work; what takes long measures itself.

    A ``worker`` is a process for just that: it is told so, once it is one.
    """
    drain = drain_of(name)
    if worker:
        for told in workers:
            told()
    with nullcontext() if is_long(name) else measured(f"later:{name}"):
        drain()
