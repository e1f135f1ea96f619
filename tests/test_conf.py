"""Where the project's settings are found: as they are now, also where there are none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from unhurried.conf import given, settings


@pytest.fixture
def without() -> Iterator[None]:
    """A project that has no ``UNHURRIED``, and was asked for it."""
    with override_settings():
        del django_settings.UNHURRIED
        for _ in range(2):
            assert (given(), settings.DEADLINE) == ({}, 10)
        yield


def test_none_and_then_some_by_override(without: None) -> None:
    with override_settings(UNHURRIED={"DEADLINE": 3}):
        assert settings.DEADLINE == 3
    assert settings.DEADLINE == 10


def test_none_and_then_some_set_by_hand(without: None) -> None:
    django_settings.UNHURRIED = {"DEADLINE": 4}
    assert settings.DEADLINE == 4
    del django_settings.UNHURRIED
    assert settings.DEADLINE == 10


def test_nobody_writes_into_what_stands_for_none(without: None) -> None:
    known: Any = given()
    with pytest.raises(TypeError):
        known["DEADLINE"] = 5


def test_other_settings_that_have_none(without: None) -> None:
    with override_settings(USE_TZ=False):
        assert (given(), given()) == ({}, {})
