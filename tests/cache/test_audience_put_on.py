"""What a middleware puts on the user is of one session, and ``audience="user"`` of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import Client, override_settings
from django.urls import path
from django.utils.functional import SimpleLazyObject

from unhurried.cache import cached_page, fragment

from .pages import DJANGO, OURS, site_with

pytestmark = pytest.mark.django_db(transaction=True)


def text(source: str) -> Any:
    return engines["django"].from_string("{% load unhurried %}" + source)


def is_verified(user: Any) -> bool:
    return user.otp_device is not None


class SecondFactor:
    """As django-otp's: around Django's lazy user, with attributes and a function put there."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        user = request.user

        def verified() -> Any:
            user.otp_device = request.session.get("otp_device_id")
            user.is_verified = partial(is_verified, user)
            user.asks = lambda: user.otp_device is not None
            user.is_superuser = user.is_superuser or user.otp_device is not None
            return user

        request.user = self.held(verified)
        return self.get_response(request)

    def held(self, verified: Any) -> Any:
        return SimpleLazyObject(verified)


class Plain(SecondFactor):
    """The same, with the user itself there."""

    def held(self, verified: Any) -> Any:
        user = verified()
        user.is_authenticated  # noqa: B018 - which asks for it
        return user.__dict__["_wrapped"]


def said(found: object) -> HttpResponse:
    return HttpResponse("SECRET" if found else "second factor, please")


def of_a_method(request: Any) -> HttpResponse:
    return said(request.user.has_perm("books.add_book"))  # of whom is_superuser says it


def by_the_view(request: Any) -> TemplateResponse:
    request.user.unread = 3
    return TemplateResponse(request, text("{{ user.unread }} {{ user.username }}"))


@fragment("put-on", audience="user", ttl=600)
def part(request: Any) -> str:
    return said(request.user.otp_device).content.decode()


VIEWS = {
    "value": lambda request: said(request.user.otp_device),
    "function": lambda request: said(request.user.is_verified()),
    "closure": lambda request: said(request.user.asks()),
    "field": lambda request: said(request.user.is_superuser),
    "method": of_a_method,
    "template": lambda request: TemplateResponse(
        request, text("{% if user.is_verified %}SECRET{% endif %}")
    ),
    "unread": by_the_view,
}
urlpatterns = [path(f"{name}/", cached_page(600, audience="user")(v)) for name, v in VIEWS.items()]
urlpatterns += [path("part/", lambda request: HttpResponse(SOURCE.render({}, request)))]
urlpatterns += [path("session/", cached_page(600, audience="session")(VIEWS["value"]))]
SOURCE = text(
    '{% fragment "put-on" %}'
    '{% cached 600 "put-on" %}{% if user.is_verified %}SECRET{% endif %}{% endcached %}'
)


@pytest.fixture(autouse=True, params=["SecondFactor", "Plain"])
def site(request: pytest.FixtureRequest) -> Iterator[None]:
    middleware = [OURS, *DJANGO, f"{__name__}.{request.param}"]
    site = site_with(middleware, UNHURRIED={"STRICT": False})
    with site, override_settings(ROOT_URLCONF=__name__):
        yield


def sessions() -> tuple[Client, Client]:
    """Two of one user, the first one's with a second factor."""
    user = User.objects.create_user("bob")
    strong, weak = Client(), Client()
    for client in (strong, weak):
        client.force_login(user)
    session = strong.session
    session["otp_device_id"] = "device"
    session.save()
    return strong, weak


@pytest.mark.parametrize(
    "where", [*(name for name in VIEWS if name != "unread"), "part", "session"]
)
def test_a_session_without_the_second_factor_is_not_shown_one_s_with_it(where: str) -> None:
    strong, weak = sessions()
    for _ in range(2):
        assert b"SECRET" in strong.get(f"/{where}/").content
    for _ in range(2):
        assert b"SECRET" not in weak.get(f"/{where}/").content
    assert b"SECRET" in strong.get(f"/{where}/").content


@pytest.mark.parametrize("where", ["value", "function", "field", "method", "template"])
def test_each_has_a_page_that_is_kept(where: str) -> None:
    for client in sessions():
        pages = [client.get(f"/{where}/") for _ in range(3)]
        assert "hit" in pages[-1]["Cache-Status"], pages[-1]["Cache-Status"]


def test_what_cannot_be_told_apart_is_named() -> None:
    strong, _ = sessions()
    urls = [strong.get("/closure/")["Cache-Status"] for _ in range(2)]
    assert not any("hit" in each or "stored" in each for each in urls)


def test_what_the_view_itself_puts_there_is_its_own() -> None:
    for client in sessions():
        pages = [client.get("/unread/") for _ in range(3)]
        assert pages[-1].content == b"3 bob"
        assert "hit" in pages[-1]["Cache-Status"], pages[-1]["Cache-Status"]
