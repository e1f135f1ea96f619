"""The thread that looks every ten seconds."""

from __future__ import annotations

from django.core.cache import caches
from django.test import override_settings

from unhurried.measure._sampler import _hang_up

REDIS = {
    "BACKEND": "django.core.cache.backends.redis.RedisCache",
    "LOCATION": "redis://127.0.0.1:1",
}


def test_it_makes_no_client_to_hang_up_with():
    """Without the redis package that ended the thread, in a site that asks it for nothing."""
    with override_settings(CACHES={"default": REDIS}):
        cache = caches["default"]
        _hang_up()
        assert "_cache" not in vars(cache)
