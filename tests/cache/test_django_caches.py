"""What a page takes from Django's own caches: nobody knows what that was made of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import Client, override_settings
from django.urls import path

from tests.books.models import Author
from unhurried import testing
from unhurried.cache import cached, cached_page, why

from .pages import DJANGO, OURS, site_with

pytestmark = pytest.mark.django_db(transaction=True)
SIDE = Template("{% load cache %}{% cache 500 side %}{{ names }}{% endcache %}")


def names() -> list[str]:
    return list(Author.objects.order_by("name").values_list("name", flat=True))


def by_hand() -> str:
    found = cache.get("names")
    if found is None:
        found = names()
        cache.set("names", found, 500)
    return ",".join(found)


def get_or_set() -> str:
    return ",".join(cache.get_or_set("names", names, 500))


def many() -> str:
    found = cache.get_many(["names", "other"])
    if "names" not in found:
        cache.set_many({"names": names()})
        found = cache.get_many(["names"])
    return ",".join(found["names"])


async def awaited() -> str:
    found = await cache.aget("names")
    if found is None:
        found = [author.name async for author in Author.objects.order_by("name")]
        await cache.aset("names", found, 500)
    return ",".join(found)


def tag() -> str:
    return SIDE.render(Context({"names": ",".join(names())}))


def flag() -> str:
    return "on" if "names" in cache else ",".join(names())


WAYS: dict[str, Callable[[], str]] = {
    "by hand": by_hand,
    "get_or_set": get_or_set,
    "many": many,
    "awaited": lambda: asyncio.run(awaited()),
    "tag": tag,
}
way: list[Callable[[], str]] = [by_hand]
function = cached(600, key="django_caches")(lambda: way[0]())


def show(request: HttpRequest) -> HttpResponse:
    return HttpResponse(way[0]())


def session(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.session.get("greeting", "nobody"))


PART = Template("{% load unhurried %}{% cached 600 'part' %}{{ shown }}{% endcached %}")


def part(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PART.render(Context({"request": request, "shown": lambda: way[0]()})))


urlpatterns = [
    path("page/", cached_page(600)(show)),
    path("part/", part),
    path("function/", lambda request: HttpResponse(function())),
    path("session/", cached_page(600, audience="session")(session)),
]


@pytest.fixture(autouse=True)
def site() -> Iterator[None]:
    way[0] = by_hand
    with site_with([OURS, *DJANGO]), override_settings(ROOT_URLCONF=__name__):
        yield


def text(url: str) -> str:
    return Client().get(url).content.decode()


@pytest.mark.parametrize("url", ["/page/", "/part/", "/function/"])
@pytest.mark.parametrize("name", WAYS)
def test_what_was_found_there_is_not_kept(name: str, url: str) -> None:
    way[0] = WAYS[name]
    Author.objects.create(name="one")
    WAYS[name]()  # by somebody else, who is in no page of ours
    assert text(url) == text(url) == "one"
    Author.objects.create(name="two")
    cache.clear()  # as packages do on post_save
    assert text(url) == "one,two"


@pytest.mark.parametrize("name", [name for name in WAYS if name != "awaited"])
def test_what_it_has_put_there_itself_it_has_read(name: str) -> None:
    way[0] = WAYS[name]
    Author.objects.create(name="one")
    assert text("/page/") == "one"
    assert "hit" in Client().get("/page/")["Cache-Status"]
    Author.objects.create(name="two")
    cache.clear()
    assert text("/page/") == "one,two"


def test_somebody_else_may_have_put_it_there_meanwhile() -> None:
    def slow() -> list[str]:
        other = Thread(target=cache.set, args=("names", ["old"], 500))  # of no unit of ours
        other.start()
        other.join()
        return names()

    way[0] = lambda: ",".join(cache.get_or_set("names", slow, 500))
    assert text("/page/") == "old"
    assert "hit" not in Client().get("/page/")["Cache-Status"]


def test_the_reason_names_the_line_and_no_key() -> None:
    by_hand()
    text("/page/")
    [reason] = [each.text for each in why("/page/").reasons]
    assert "tests/cache/test_django_caches.py:" in reason
    assert "takes something from Django's cache" in reason
    assert "names" not in reason


def test_a_flag_that_is_set_is_something() -> None:
    way[0] = flag
    cache.set("names", 1)
    assert text("/page/") == text("/page/") == "on"
    cache.delete("names")
    assert text("/page/") == ""


def test_keys_that_are_trusted_are_kept_until_the_ttl() -> None:
    by_hand()
    with testing.override(TRUSTED_KEYS=["nam"]):
        text("/page/")
        assert "hit" in Client().get("/page/")["Cache-Status"]


@pytest.mark.parametrize("engine", ["cache", "cached_db"])
def test_a_session_that_lies_there_has_been_observed(engine: str) -> None:
    with override_settings(SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}"):
        client = Client()
        client.force_login(User.objects.create_user("jacob"))
        shown = client.session
        shown["greeting"] = "jacob"
        shown.save()
        assert client.get("/session/").content == b"jacob"
        assert "hit" in client.get("/session/")["Cache-Status"]


def test_nothing_of_it_is_needed_for_what_is_not_measured() -> None:
    with testing.override(MEASURE=False):
        by_hand()
        assert text("/page/") == text("/page/")
        Author.objects.create(name="two")
        cache.clear()
        assert text("/page/") == "two"


def test_before_the_view_it_is_the_middlewares_business(monkeypatch: Any) -> None:
    cache.set("maintenance", "no")
    monkeypatch.setattr(OurMiddleware, "key", "maintenance")
    middleware = [OURS, f"{__name__}.OurMiddleware", *DJANGO]
    with site_with(middleware), override_settings(ROOT_URLCONF=__name__):
        text("/page/")
        assert "hit" in Client().get("/page/")["Cache-Status"]


class OurMiddleware:
    key = ""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        cache.get(self.key)
        response = self.get_response(request)
        cache.get(self.key)
        return response
