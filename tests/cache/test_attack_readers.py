"""What one reader can do to the others' pages by what he sends: nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from . import pages_site as site
from .pages import MIDDLEWARE, client_of, site_with

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=sorted(MIDDLEWARE))
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    with site_with(MIDDLEWARE[request.param]):
        yield request.param


@pytest.fixture
def client(way: str) -> Client:
    return client_of(way)


@pytest.mark.parametrize("space", ["\xc2\xa0", "\xc2\x85", "\x1f", " "], ids=ascii)
def test_a_language_that_is_said_oddly_is_his_alone(client: Client, space: str) -> None:
    """Django strips the space, once it has read the header as UTF-8."""
    for _ in range(2):
        odd = client.get("/spoken/", HTTP_COOKIE=f"{space}django_language{space}=de")
        assert odd["Content-Language"] == "de"
        assert client.get("/spoken/")["Content-Language"] == "en"
