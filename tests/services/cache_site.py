"""Caches on the real servers, for the tests of tokens and entries."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager

from django.test import override_settings

from unhurried.cache._tokens import _home
from unhurried.testing import override

BACKENDS = "django.core.cache.backends"


def redis_cache(server, **more):
    place = f"redis://{server.host}:{server.port}/{more.pop('db', 0)}"
    return {"BACKEND": f"{BACKENDS}.redis.RedisCache", "LOCATION": place, **more}


def memcached_cache(*servers, **more):
    places = [f"{server.host}:{server.port}" for server in servers]
    return {"BACKEND": f"{BACKENDS}.memcached.PyMemcacheCache", "LOCATION": places, **more}


@contextmanager
def caches(tmp_path, **aliases):
    """CACHES with these, and tokens in ``default``."""
    with ExitStack() as stack:
        stack.enter_context(override_settings(CACHES={"default": {}, **aliases}))
        tokens = "default" if "default" in aliases else "auto"
        stack.enter_context(override(STORE=tmp_path / "store", TOKENS=tokens))
        yield
    _home.forget()
