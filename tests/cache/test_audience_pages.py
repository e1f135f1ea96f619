"""The same by way of ``cached_page`` and ``{% cached %}``: nobody gets what is another's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import caches
from django.template import Engine, RequestContext
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.utils.functional import SimpleLazyObject

from unhurried.cache._units._unit import Unit, current
from unhurried.testing import override

from .audience_site.leaks import LEAKS
from .audience_site.public import PAGES
from .audience_site.settings import SITE
from .audience_site.urls import address
from .test_audience_leaks import visitor

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]

OURS = "unhurried.middleware.UnhurriedMiddleware"


@pytest.fixture(autouse=True)
def site() -> Iterator[None]:
    caches["default"].clear()
    site = SITE | {"MIDDLEWARE": [OURS, *SITE["MIDDLEWARE"]]}
    with override_settings(**site), override(STRICT=False, STORE=settings.UNHURRIED["STORE"]):
        yield
    caches["default"].clear()


def get(client: Any, where: str) -> Any:
    answer = async_to_sync(client.get) if isinstance(client, AsyncClient) else client.get
    return answer(where)


#: Pages that are kept without what is of each response, or while there are no messages.
WITHOUT = [
    *("{% csrf_token %}", "{{ csrf_token }}", "as_a_string", "token", "token_inside_protection"),
    *("{{ request.csp_nonce }}", "{{ csp_nonce }}", "a_nonce"),
    *("{% for message in messages %}", "messages_listed"),
]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("name", WITHOUT)
def test_what_is_of_each_response_is_kept_out_of_the_page(name: str, kind: Any) -> None:
    """The first visit may only tell that a middleware has read something before the view."""
    where = "/" + address("real/leaks", name)
    alice, bob = visitor("alice", kind), visitor("bob", kind)
    pages = [get(client, where) for client in (alice, bob, alice, bob)]
    assert "hit" in pages[-1]["Cache-Status"], [page["Cache-Status"] for page in pages]
    found = [token for page in pages for token in re.findall(rb"[\w-]{20,}", page.content)]
    assert len(set(found)) == len(found)
    assert found or LEAKS[name][1] == ("messages",)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("name", [name for name in LEAKS if name not in WITHOUT])
def test_nothing_personal_is_kept(name: str, kind: Any) -> None:
    where = "/" + address("real/leaks", name)
    known: dict[str, Any] = {}
    for each in ("alice", "alice", "bob"):
        client = known.get(each) or known.setdefault(each, visitor(each, kind))
        client.raise_request_exception = False
        response = get(client, where)
        status = response.get("Cache-Status", "")
        assert "stored" not in status
        assert "hit" not in status
        assert each == "alice" or b"alice" not in response.content


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("name", PAGES)
def test_what_is_for_all_is_kept(name: str, kind: Any) -> None:
    """The first visit may only tell that a middleware has read something before the view."""
    where = "/" + address("real/public", name) + PAGES[name][2]
    alice = visitor("alice", kind)
    pages = [get(alice, where) for _ in range(3)]
    assert "hit" in pages[-1]["Cache-Status"], [page["Cache-Status"] for page in pages]
    # Not the first: it may not have been kept, and a feed says when it was made.
    assert pages[-1].content == pages[-2].content or name == "zipped"


PARTS = [
    *("{{ request.path }}", "{{ request.GET.page }}", "{{ request.get_host }}"),
    *("{{ request.user.username }}", "{{ user.username }}", "{{ csrf_token }}", "{{ csp_nonce }}"),
]


@pytest.mark.parametrize("bare", [False, True], ids=["with the request", "without"])
@pytest.mark.parametrize("body", PARTS)
def test_a_part_has_nothing_of_a_page_in_its_key(body: str, bare: bool) -> None:
    """Of the context, too, where no context processor puts the request there."""
    engine = Engine(builtins=["unhurried.templatetags.unhurried"])  # no context processors
    source = engine.from_string(f'{body}|{{% cached 600 "part" %}}{body}{{% endcached %}}')

    def part(who: str, where: str) -> str:
        request: Any = RequestFactory().get(where, HTTP_HOST=f"{who}.example")
        user = User(username=who)
        request.user = SimpleLazyObject(lambda: user)
        context = RequestContext(request)
        lazy = {"csrf_token": SimpleLazyObject(lambda: who), "user": request.user}
        lazy["csp_nonce"] = SimpleLazyObject(lambda: f"nonce of {who}")
        context.update(lazy if bare else {**lazy, "request": request})
        token = current.set(Unit(recording=True))
        try:
            return source.render(context)
        finally:
            current.reset(token)

    with override_settings(ALLOWED_HOSTS=["*"]):
        for who, where in (("alice", "/a/?page=1"), ("bob", "/b/?page=2")):
            own, _, kept = part(who, where).partition("|")
            assert kept == own
