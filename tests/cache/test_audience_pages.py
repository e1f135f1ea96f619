"""The same pages by way of ``cached_page``: nobody gets another's, and what is for all is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import caches
from django.test import AsyncClient, Client, override_settings

from unhurried.testing import override

from .audience_site.leaks import LEAKS
from .audience_site.public import PAGES
from .audience_site.settings import SITE
from .audience_site.urls import address
from .test_audience_leaks import visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def site() -> Iterator[None]:
    caches["default"].clear()
    with override_settings(**SITE), override(STRICT=False):
        yield
    caches["default"].clear()


def get(client: Any, where: str) -> Any:
    answer = async_to_sync(client.get) if isinstance(client, AsyncClient) else client.get
    return answer(where)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("name", LEAKS)
def test_nothing_personal_is_kept(name: str, kind: Any) -> None:
    where = "/" + address("real/leaks", name)
    for each in ("alice", "bob"):
        client = visitor(each, kind)
        client.raise_request_exception = False
        response = get(client, where)
        status = response.get("Cache-Status", "")
        assert "stored" not in status
        assert "hit" not in status
        assert each == "alice" or b"alice" not in response.content


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("name", PAGES)
def test_what_is_for_all_is_a_hit_the_second_time(name: str, kind: Any) -> None:
    where = "/" + address("real/public", name) + PAGES[name][2]
    alice = visitor("alice", kind)
    first, second = get(alice, where), get(alice, where)
    assert "stored" in first["Cache-Status"], first["Cache-Status"]
    assert "hit" in second["Cache-Status"], second["Cache-Status"]
    assert first.content == second.content
