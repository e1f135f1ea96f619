"""Packages that answer the ORM out of a cache of their own: no statement passes, so nobody sees
what was read, and nothing made of it may be kept.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.signals import setting_changed

#: app -> its settings with their defaults: at work while all are true. The last one is its switch.
_APPS: Final[dict[str, dict[str, Any]]] = {
    "cachalot": {"CACHALOT_ENABLED": True},
    "cacheops": {"CACHEOPS": {}, "CACHEOPS_ENABLED": True},
    "parler": {"PARLER_ENABLE_CACHING": True},
}


@lru_cache(1)
def beside() -> tuple[str, str]:
    """(what is wrong, the way out), both empty where all that the ORM reads is seen."""
    for app, switches in _APPS.items():
        if apps.is_installed(app) and all(getattr(settings, *each) for each in switches.items()):
            wrong = f"{app} answers the ORM from its own cache, so nobody sees what is read"
            return wrong, f"{[*switches][-1]} = False"
    return "", ""


@lru_cache(1)
def unseen() -> str:
    """Why nothing may be kept here, in one line, or nothing."""
    return "; say ".join(filter(None, beside()))


def _forget(**_: Any) -> None:
    beside.cache_clear()
    unseen.cache_clear()


setting_changed.connect(_forget, dispatch_uid="unhurried.cache.beside")
