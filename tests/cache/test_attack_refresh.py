"""Pages that only their readers lead to: the background asks as nobody, and comes elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import close_old_connections, connection, connections
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from django.utils import timezone

from tests.books.models import Author
from unhurried.cache import cached_page
from unhurried.cache._engine import _alone
from unhurried.cache._refresh import _wanted
from unhurried.cache._units._unit import marked
from unhurried.later.reading import drain_now, paused

from .pages import DJANGO, OURS, READS, site_with

pytestmark = pytest.mark.django_db(transaction=True)
ran: list[str] = []


@pytest.fixture(autouse=True)
def nothing_is_wanted() -> None:
    """A wish that a test leaves would be seen to by whoever drains next."""
    for _ in _wanted.taken_here():
        pass


def names(request: HttpRequest) -> HttpResponse:
    ran.append(request.path)
    return HttpResponse(",".join(Author.objects.values_list("name", flat=True)))


class Operation:
    """As django-ninja has one for each view, and what is decorated is its method."""

    def __init__(self, view: Callable[[HttpRequest], HttpResponse]) -> None:
        self.answers = view

    def run(self, request: HttpRequest) -> HttpResponse:
        return self.answers(request)


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.user))


urlpatterns = [
    path("me/", cached_page(600, audience="user")(Operation(who).run)),
    path("named/", cached_page(600, on_change="serve")(Operation(names).run)),
    path("open/", cached_page(600, on_change="serve")(lambda request: names(request))),
    path("closed/", login_required(cached_page(600, on_change="serve")(names))),
]


class Zoned:
    """As Django's documentation has it: each visitor has a time zone of his own."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        zone = "Europe/Paris" if request.user.is_authenticated else "Asia/Tokyo"
        with timezone.override(ZoneInfo(zone)):
            return self.get_response(request)


@pytest.mark.parametrize("url", ["/open/", "/closed/"])
def test_a_page_that_only_its_readers_lead_to_is_made_anew_by_them(url: str) -> None:
    zoned = [f"{__name__}.Zoned"] if url == "/open/" else []
    with (
        site_with([*DJANGO, *zoned, OURS]),
        override_settings(ROOT_URLCONF=__name__),
        paused(),
    ):
        client = Client()
        client.force_login(User.objects.create_user("jacob"))
        for _ in range(2):  # the first one tells that its route reads something before the page
            client.get(url)
        for name in ("one", "two"):
            Author.objects.create(name=name)
            if name == "one":  # known after the first time
                assert client.get(url).content == b""
                drain_now()
            made = client.get(url)
            assert name in made.content.decode()
            assert "stored" in made["Cache-Status"]
            assert client.get(url)["Cache-Status"].startswith("unhurried; hit; ttl=59")


def test_what_the_background_can_make_is_left_to_it() -> None:
    with site_with([OURS, *DJANGO]), override_settings(ROOT_URLCONF=__name__), paused():
        client = Client()
        client.get("/open/")
        ran.clear()
        for name in ("one", "two"):
            Author.objects.create(name=name)
            assert name not in client.get("/open/").content.decode()
            drain_now()
            assert name in client.get("/open/").content.decode()
        assert ran == ["/open/"] * 2


def test_what_is_read_before_a_page_is_recorded_when_the_background_makes_it() -> None:
    with site_with([OURS, *DJANGO, READS]), override_settings(ROOT_URLCONF=__name__), paused():
        client = Client()
        client.get("/open/"), client.get("/open/")
        marked.clear()  # as in a process that has just begun, beside one that has kept the page
        Author.objects.create(name="one")
        assert client.get("/open/").content == b""
        drain_now()
        made = client.get("/open/")
        assert (made.content, made["Cache-Status"][:14]) == (b"one", "unhurried; hit")


@pytest.mark.parametrize("drainer", ["thread", "celery"])
def test_a_page_whose_name_another_has_is_made_anew(drainer: str) -> None:
    own = {"LATER": drainer}
    with site_with([OURS, *DJANGO], UNHURRIED=own), override_settings(ROOT_URLCONF=__name__):
        client = Client()
        client.get("/me/"), client.get("/named/")
        with paused():
            Author.objects.create(name="one")
            assert client.get("/named/").content == b""
            drain_now()
            assert client.get("/named/").content == b"one"


def test_where_somebody_else_drains_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(_wanted, "monotonic", lambda: now[0])
    assert not _wanted.is_overdue("key", 1.0)
    now[0] += _wanted.TTL
    assert not _wanted.is_overdue("key", 1.0)
    assert not _wanted.is_overdue("other", 1.0)
    now[0] += 1
    assert _wanted.is_overdue("key", 1.0)
    assert not _wanted.is_overdue("key", 2.0)  # it has been made anew since


def test_what_is_known_of_them_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(_alone, "monotonic", lambda: now[0])
    monkeypatch.setattr(_alone, "_until", type(_alone._until)(2))
    for key in "abc":
        _alone.leave(key)
    assert [key for key in "abc" if _alone.is_left(key)] == ["b", "c"]
    now[0] += _alone.SPAN
    assert not _alone.is_left("c")


@pytest.mark.parametrize("way", ["refresh", "warm", "background"])
def test_who_has_a_page_made_keeps_his_connection(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with it whatever is open there: an iterator, a temporary table."""
    page: Any = urlpatterns[0].callback
    with site_with([*DJANGO, OURS]), override_settings(ROOT_URLCONF=__name__), paused():
        Client().get("/open/")
        Author.objects.create(name="one")
        Client().get("/open/")  # which wishes it anew
        ran.clear()
        closed: list[str] = []
        connection.ensure_connection()
        monkeypatch.setattr(connections["default"], "close", lambda: closed.append(way))
        if way == "refresh":
            page.refresh("/open/")
        elif way == "warm":
            call_command("unhurried", "warm", "/open/")
        else:
            drain_now()
        assert ran
        assert not closed
        close_old_connections()
        assert closed  # as ever
