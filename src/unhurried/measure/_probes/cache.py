"""Caches: every verb of the back ends a site has configured."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.cache.backends.base import BaseCache
from django.utils.module_loading import import_string

from .._record import CACHE
from .._wraps import elsewhere, wrap

VERBS: Final = (
    *("add", "get", "set", "touch", "delete", "get_many", "set_many", "delete_many"),
    *("get_or_set", "has_key", "incr", "decr", "clear"),
)
WHY = "Cache back ends send no signals."
COST = "0.2 us outside a unit of work, about 1 us inside"

#: Called with (verb, arguments, named arguments, answer) of each verb that has come back, also of
#: one that another has called; the first argument is the back end.
heard: list[Callable[[str, tuple[Any, ...], dict[str, Any], Any], None]] = []


def install() -> None:
    """Wrap sync and async verbs once per configured class; one verb calling another counts once."""
    for options in settings.CACHES.values():
        try:
            backend = import_string(options["BACKEND"])
        except (ImportError, KeyError):  # Django says so where it is used, if it is
            continue
        if not (isinstance(backend, type) and issubclass(backend, BaseCache)):
            continue
        for verb in VERBS:
            for name in (verb, f"a{verb}"):
                wrap(backend, name, _charged_and_heard(verb), why=WHY, cost=COST)


def _charged_and_heard(verb: str) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        if iscoroutinefunction(original):

            @wraps(original)
            async def inner_async(*args: Any, **kwargs: Any) -> Any:
                record = elsewhere(CACHE)
                if record is None:
                    answer = await original(*args, **kwargs)
                else:
                    record.enter(CACHE)
                    try:
                        answer = await original(*args, **kwargs)
                    finally:
                        record.leave(CACHE)
                for hear in heard:
                    hear(verb, args, kwargs, answer)
                return answer

            return inner_async

        @wraps(original)
        def inner(*args: Any, **kwargs: Any) -> Any:
            record = elsewhere(CACHE)
            if record is None:
                answer = original(*args, **kwargs)
            else:
                record.enter(CACHE)
                try:
                    answer = original(*args, **kwargs)
                finally:
                    record.leave(CACHE)
            for hear in heard:
                hear(verb, args, kwargs, answer)
            return answer

        return inner

    return make
