"""Caches: every verb of the back ends a site has configured."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.core.cache.backends.base import BaseCache
from django.utils.module_loading import import_string

from .._record import CACHE
from .._wraps import Hear, charged, wrap

VERBS: Final = (
    *("add", "get", "set", "touch", "delete", "get_many", "set_many", "delete_many"),
    *("get_or_set", "has_key", "incr", "decr", "clear"),
)
WHY = "Cache back ends send no signals."
COST = "0.2 us outside a unit of work, about 1 us inside"

#: Told of each verb that has come back, also of one that another has called.
heard: list[Hear] = []


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
                wrap(backend, name, charged(CACHE, verb, heard), why=WHY, cost=COST)
