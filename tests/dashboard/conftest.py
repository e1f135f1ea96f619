"""People at a site, and a store with something in it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import AsyncClient, Client

from tests.dashboard.samples import Samples
from unhurried.dashboard import _staff


@pytest.fixture(autouse=True)
def nobody_is_remembered(store):
    _staff._no.clear()
    cache.clear()


@pytest.fixture
def staff(db):
    client = Client()
    client.force_login(User.objects.create(username="staff", is_staff=True))
    return client


@pytest.fixture
def astaff(staff):
    client = AsyncClient()
    client.cookies = staff.cookies
    return client


@pytest.fixture
def visitor(db):
    client = Client()
    client.force_login(User.objects.create(username="visitor"))
    return client


@pytest.fixture
def history(store):
    """Call it to write a sample of what happened since the last call, ten seconds apart."""
    samples = Samples()
    yield samples.write
    samples.close()
