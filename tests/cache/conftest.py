"""Each test has a cache of its own, and the language and time zone of the settings."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.test.utils import override_settings
from django.utils import timezone, translation

from unhurried.cache._units._unit import current


@pytest.fixture(autouse=True)
def apart() -> Iterator[None]:
    translation.deactivate()
    timezone.deactivate()
    current.set(None)  # a view that raises into the test ends no request
    place = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(uuid4())}
    with override_settings(CACHES={"default": place}):
        yield
