"""What is taken from Django's own caches while something is made: it has passed no statement.

Whoever has put it there has read something, at a time and of tables that nobody noted; so what
holds it may be older than it seems, and is not kept. What was put there by the same unit is known.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from unhurried.conf import settings
from unhurried.measure.reading import cache_verbs, install_cache_probe

from .._audience._readers import nearest, place
from ._unit import Unit

TAKES: Final = frozenset({"get", "get_many", "has_key", "incr", "decr"})
TAKEN: Final = "takes something from Django's cache: nobody knows what that is made of"
PUTS: Final = frozenset({"add", "set", "set_many"})
#: Whose session it is has been observed by then.
SESSIONS: Final = ("django.contrib.sessions.cache", "django.contrib.sessions.cached_db")

_making: ContextVar[Unit | None] = ContextVar("unhurried_making", default=None)


@contextmanager
def noticed(unit: Unit) -> Iterator[None]:
    """Around whatever makes something that is to be kept."""
    if _hear not in cache_verbs:
        install_cache_probe()  # also where nothing is measured
        cache_verbs.append(_hear)
    token = _making.set(unit)
    try:
        yield
    finally:
        _making.reset(token)


def _hear(verb: str, args: tuple[Any, ...], kwargs: dict[str, Any], answer: Any) -> None:
    unit = _making.get()
    if unit is None or unit.unstorable:
        return
    backend, *given = args
    if verb in PUTS:
        if verb == "add" and not answer:
            return  # somebody else's is there
        unit.put.update((type(backend), str(key)) for key in _keys(given, kwargs))
    elif verb in TAKES and _is_there(verb, given, kwargs, answer):
        keys = map(str, answer if verb == "get_many" else _keys(given, kwargs))
        if any((type(backend), key) not in unit.put and not _is_known(key) for key in keys):
            unit.refuse(f"{place(nearest(sys._getframe(2)))} {TAKEN}")


def _keys(given: Sequence[Any], kwargs: dict[str, Any]) -> Collection[Any]:
    """Of a verb's first argument: a key, or a dict of many."""
    what = given[0] if given else kwargs.get("key", kwargs.get("data", ()))
    return what if isinstance(what, dict) else (what,)


def _is_there(verb: str, given: Sequence[Any], kwargs: dict[str, Any], answer: Any) -> bool:
    if verb != "get":
        return bool(answer) or verb in ("incr", "decr")
    default = given[1] if len(given) > 1 else kwargs.get("default")
    return answer is not default


def _is_known(key: str) -> bool:
    return key.startswith((*SESSIONS, *map(str, settings.TRUSTED_KEYS)))
