"""Whether tokens lie where the entries do, so that one round trip brings both."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.core.signals import setting_changed

from .._tokens._home import alias_of, home_of


@lru_cache(4096)
def lie_here(alias: str, tags: tuple[str, ...]) -> bool:
    """Whether the cache alias is the home of all the tags."""
    return all(home_of(each).name == alias for each in set(map(alias_of, tags)))


def _forget(**_: Any) -> None:
    lie_here.cache_clear()


setting_changed.connect(_forget, dispatch_uid="unhurried.cache.here")
