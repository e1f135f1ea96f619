"""Whatever way a page gets at who asked: it is seen, the line is named, nobody else has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import AsyncClient, Client, override_settings

from .audience_site import seam
from .audience_site.leaks import LEAKS, is_marked
from .audience_site.public import PAGES
from .audience_site.settings import SITE
from .audience_site.urls import address

pytestmark = [pytest.mark.long, pytest.mark.django_db]

#: Made from what library code alone looks at; the line named is the library's, or none.
OF_A_LIBRARY = {
    *("behind_a_login", "behind_a_permission", "BehindAMixin", "cookie_made_sure_of"),
    *("kept_by_django_inside", "rest", "RestUser", "rendered_later", "in an included template"),
    "as_a_string",
}
OF_WSGI = {"environ"}


@pytest.fixture(autouse=True)
def site() -> Iterator[None]:
    seam.forget()
    with override_settings(**SITE):
        yield
    seam.forget()


def visitor(name: str, kind: Any = Client) -> Any:
    user = User.objects.create_user(name, password="x")
    sent = {"USER_AGENT": name, "X_FORWARDED_FOR": name, "ACCEPT": "*/*"}
    client = kind(**{f"HTTP_{key}" if kind is Client else key: each for key, each in sent.items()})
    client.force_login(user)
    session = client.session
    session["cart"] = f"{name}'s cart"
    session.save()
    client.cookies.load({"theme": f"{name}-theme", "tenant": name})
    return client


@pytest.mark.parametrize("name", LEAKS)
def test_it_is_seen_and_kept_for_nobody(name: str) -> None:
    alice = visitor("alice")
    alice.get("/" + address("leaks", name))
    verdict = seam.verdicts[-1]
    names = LEAKS[name][1]
    assert set(names) <= verdict.unproven.keys(), verdict
    assert not seam.pages


@pytest.mark.parametrize("name", sorted(LEAKS.keys() - OF_WSGI))
def test_it_is_seen_under_asgi(name: str) -> None:
    async_to_sync(visitor("alice", AsyncClient).get)("/" + address("leaks", name))
    assert set(LEAKS[name][1]) <= seam.verdicts[-1].unproven.keys(), seam.verdicts[-1]
    assert not seam.pages


@pytest.mark.parametrize("name", LEAKS)
def test_nobody_gets_what_is_another_s(name: str) -> None:
    visitor("alice").get("/" + address("leaks", name))
    assert b"alice" not in visitor("bob").get("/" + address("leaks", name)).content


@pytest.mark.parametrize("name", LEAKS)
def test_what_is_made_for_nobody_is_not_for_all(name: str) -> None:
    Client(raise_request_exception=False).get("/" + address("leaks", name))
    assert not seam.pages


@pytest.mark.parametrize("name", sorted(LEAKS.keys() - OF_A_LIBRARY))
def test_the_line_is_named(name: str) -> None:
    visitor("alice").get("/" + address("leaks", name))
    verdict = seam.verdicts[-1]
    assert all(is_marked(verdict.unproven[each]) for each in LEAKS[name][1]), verdict.unproven


@pytest.mark.parametrize("name", PAGES)
def test_what_is_for_all_is_kept(name: str) -> None:
    _view, _options, query = PAGES[name]
    visitor("alice").get("/" + address("public", name) + query)
    verdict = seam.verdicts[-1]
    assert verdict.is_kept, verdict
    assert len(seam.pages) == 1


@pytest.mark.parametrize("name", PAGES)
def test_what_is_for_all_is_kept_under_asgi(name: str) -> None:
    _view, _options, query = PAGES[name]
    async_to_sync(visitor("alice", AsyncClient).get)("/" + address("public", name) + query)
    assert seam.verdicts[-1].is_kept, seam.verdicts[-1]


@pytest.mark.parametrize("name", PAGES)
def test_it_is_the_page_it_would_have_been(name: str) -> None:
    """Observing changes nothing: what is kept for alice is what she gets without."""
    _view, _options, query = PAGES[name]
    alice = visitor("alice")
    pages = [alice.get("/" + address(folder, name) + query) for folder in ("public", "bare/public")]
    bodies = [each.content.replace(b"/bare", b"") for each in pages]
    if name not in ("zipped", "by_method"):  # Django pads each differently; they have no one name
        assert bodies[0] == bodies[1]
    assert pages[0].headers.keys() == pages[1].headers.keys()
