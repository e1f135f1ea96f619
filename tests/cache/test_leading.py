"""Addresses in what is kept lead where they lead for who asks: by mount, URLconf and namespace."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.template import Context, RequestContext, Template
from django.test import Client
from django.test.utils import override_script_prefix, override_settings
from django.urls import get_urlconf, include, path, reverse, set_urlconf

from unhurried.cache import cached, cached_page, fragment
from unhurried.cache._engine._around import leading, surrounded, surroundings

from . import pages

pytestmark = pytest.mark.django_db(transaction=True)


@fragment("link-of-a-test", ttl=600)
def link(request: HttpRequest) -> str:
    return Template("{% url 'shop:cart' %}").render(RequestContext(request))


@cached(600, key="home-of-a-test")
def home() -> str:
    return reverse("home")


@cached(600, key="home-of-a-test-while-it-changes", on_change="serve")
def served() -> str:
    return f"{reverse('home')} {Group.objects.count()}"


def view(source: str) -> Callable[[HttpRequest], HttpResponse]:
    def page(request: HttpRequest) -> HttpResponse:
        text = Template("{% load unhurried %}" + source).render(RequestContext(request))
        return HttpResponse(text)

    return page


def chosen(request: HttpRequest) -> str:
    return str(getattr(request, "urlconf", ""))


PART = view("{% cached 600 'leading-part' %}{% url 'shop:cart' %}{% endcached %}")
shop = (
    [
        path("cart/", PART, name="cart"),
        path("part/", PART),
        path("fragment/", view("{% fragment 'link-of-a-test' %}")),
        path("page/", cached_page(600)(view("{% url 'shop:cart' %}"))),
    ],
    "shop",
)
own: list[Any] = [
    path("part/", view("{% cached 600 'home-part' %}{% url 'home' %}{% endcached %}")),
    path("function/", lambda request: HttpResponse(home())),
    path("page/", cached_page(600, vary=[chosen])(view("{% url 'home' %}"))),
]
urlpatterns = [
    *own,
    path("main/", home, name="home"),
    path("de/", include(shop, namespace="de")),
    path("us/", include(shop, namespace="us")),
    path("blog/", include(([path("part/", own[0].callback)], "blog"))),
]


class ByHost:
    """Chooses a URLconf, as packages for subdomains and tenants do."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        if request.get_host() == "shop.example.com":
            request.urlconf = "urls_of_another_host"
        elif request.get_host() == "made.example.com":
            request.urlconf = sys.modules["urls_of_another_host"]
        return self.get_response(request)


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    other: Any = ModuleType("urls_of_another_host")
    other.urlpatterns = [*own, path("elsewhere/", home, name="home")]
    monkeypatch.setitem(sys.modules, other.__name__, other)
    middleware = [*pages.MIDDLEWARE["door"], f"{__name__}.ByHost"]
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=middleware, ALLOWED_HOSTS=["*"]):
        yield
    set_urlconf(None)


def get(address: str, host: str = "example.com") -> str:
    return str(Client().get(address, headers={"host": host}).content.decode())


@contextmanager
def urls(name: Any) -> Iterator[None]:
    set_urlconf(name)
    yield
    set_urlconf(None)


@pytest.mark.parametrize("kind", ["part", "fragment", "page"])
def test_an_application_that_is_included_twice(kind: str) -> None:
    for where in ("de", "us", "de", "us"):
        assert get(f"/{where}/{kind}/") == f"/{where}/cart/"


@pytest.mark.parametrize("kind", ["part", "function", "page"])
def test_a_urlconf_by_host(kind: str) -> None:
    for host in ("example.com", "shop.example.com", "made.example.com") * 2:
        expected = "/main/" if host == "example.com" else "/elsewhere/"
        assert get(f"/{kind}/", host) == expected


@pytest.mark.parametrize("request_", [None, "a request for help", {"path": "/de/"}])
def test_a_variable_that_is_called_request_and_is_none(request_: Any) -> None:
    part = Template("{% load unhurried %}{% cached 600 'none' %}{{ n }}{% endcached %}")
    assert part.render(Context({"request": request_, "n": 1})) == "1"


def test_where_the_site_is_mounted() -> None:
    for _ in range(2):
        assert home() == "/main/"
        with override_script_prefix("/intranet/"):
            assert home() == "/intranet/main/"


def test_keys_are_as_they_were_where_all_is_as_usual() -> None:
    assert leading() == ""
    with urls(__name__):
        assert leading() == ""
    assert {*surroundings()} == {"language", "timezone"}
    with override_settings(FORCE_SCRIPT_NAME="/intranet"), override_script_prefix("/intranet/"):
        assert leading() == ""


def test_an_application_of_one_instance_has_the_parts_of_all_others() -> None:
    ran: list[int] = []
    part = "{% cached 600 'shared' %}{{ n }}{% endcached %}"

    def page(request: HttpRequest) -> HttpResponse:
        context = {"n": lambda: ran.append(1) or "text"}
        return HttpResponse(
            Template("{% load unhurried %}" + part).render(RequestContext(request, context))
        )

    urls_of_two = [path("a/", page), path("b/", include(([path("", page)], "b")))]
    other: Any = ModuleType("urls_of_two")
    other.urlpatterns = urls_of_two
    with override_settings(ROOT_URLCONF=other):
        assert [get("/a/"), get("/a/"), get("/b/")] == ["text"] * 3
    assert len(ran) <= 2  # the first request has learnt to record


def test_it_is_made_again_with_the_urls_of_its_entry() -> None:
    with urls("urls_of_another_host"), override_script_prefix("/intranet/"):
        assert home() == "/intranet/elsewhere/"
        meta = surroundings()
    before = get_urlconf()
    with surrounded(meta):
        assert reverse("home") == "/intranet/elsewhere/"
        assert home() == "/intranet/elsewhere/"
    assert (get_urlconf(), reverse("home")) == (before, "/main/")


def test_urls_without_a_name_are_not_made_again_by_somebody_else() -> None:
    with urls(sys.modules["urls_of_another_host"]):
        assert served() == "/elsewhere/ 0"
        Group.objects.create(name="one")
        assert served() == "/elsewhere/ 1"
