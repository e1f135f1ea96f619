"""Messages in a page that is kept: each is shown once, to its reader; the page is for all."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.cache import caches
from django.template import engines
from django.test import AsyncClient, Client
from django.test.utils import override_settings

from tests.books.models import Author, Book
from unhurried import testing
from unhurried.cache import why
from unhurried.cache._pages import _refused

from . import messages_site as site
from .pages import MIDDLEWARE, client_of, status

pytestmark = pytest.mark.django_db(transaction=True)
STORAGES = ["fallback.FallbackStorage", "cookie.CookieStorage", "session.SessionStorage"]
WAYS = ["inside", "first", "door"]


@pytest.fixture(params=["first"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=STORAGES[:1])
def storage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


each_way = pytest.mark.parametrize("way", WAYS, indirect=True)
each_storage = pytest.mark.parametrize("storage", STORAGES, indirect=True)


@pytest.fixture(autouse=True)
def here(way: str, storage: str) -> Iterator[None]:
    caches["default"].clear()
    _refused._passing.kept.clear()
    site.ran.clear()
    Book.objects.create(title="One", author=Author.objects.create(name="Jacob"))
    settings = site.SETTINGS | {"MESSAGE_STORAGE": f"django.contrib.messages.storage.{storage}"}
    own = testing.override(VERSION=str(uuid4()), STRICT=False)
    with override_settings(**settings, MIDDLEWARE=MIDDLEWARE[way]), own:
        yield


def visitor(way: str = "first", name: str = "") -> Client:
    client = client_of(way)
    if name:
        client.force_login(User.objects.create_user(name))
    return client


def say(client: Client, *said: str, **more: Any) -> Any:
    return client.post("/say/", {"said": said, **more})


def text(response: Any) -> str:
    return str(response.content.decode())


@each_way
@each_storage
def test_one_page_for_all_and_each_message_once(way: str) -> None:
    nobody, ada, bob = visitor(way), visitor(way, "ada"), visitor(way, "bob")
    plain = text(nobody.get("/list/"))
    for client in (ada, bob, nobody):
        response = client.get("/list/")
        assert (status(response), text(response)) == ("hit", plain)
    say(ada, "for ada", "and more")
    say(nobody, "for nobody")
    for client, said in ((bob, ""), (nobody, "for nobody"), (ada, "for ada"), (bob, "")):
        told = client.get("/list/")
        assert status(told) == "hit"
        assert (text(told) == plain) == (not said)
        assert text(told).count("for ") == bool(said)
        assert said in text(told)
        again = client.get("/list/")
        assert (status(again), text(again)) == ("hit", plain)
    assert site.ran["list"] == 1


@pytest.mark.long
@each_way
@pytest.mark.parametrize("name", sorted(site.REGIONS.keys() - {"shadowed"}))
def test_it_is_the_same_to_the_byte(way: str, name: str) -> None:
    ada, bob, nobody = visitor(way, "ada"), visitor(way, "bob"), visitor(way)
    said, error = ["one", "<b>two & ü</b>"], ["<b>three</b>"]
    nobody.get(f"/{name}/")
    same = ("form", "greeting", "async")  # one token and one name of each reader
    for client in (ada, bob):
        if name not in same:
            assert text(client.get(f"/{name}/")) == text(client.get(f"/bare/{name}/"))
        for where in (f"/bare/{name}/", f"/{name}/"):
            say(client, *said, error=error)
            told = client.get(where)
            if where[1] == "b":
                bare = text(told)
        assert status(told) == "hit"
        assert "&lt;b&gt;two &amp; ü&lt;/b&gt;" in bare or name in ("around",)
        if name != "form":
            assert text(told) == bare
        assert "three" not in text(client.get(f"/{name}/"))
    assert site.ran[name] == (5 if name not in same else 3)


@each_way
@each_storage
def test_who_comes_first_is_told_and_the_page_is_kept(way: str, storage: str) -> None:
    ada, bob = visitor(way, "ada"), visitor(way, "bob")
    say(ada, "for ada")
    told = ada.get("/list/")
    assert "for ada" in text(told)
    assert "for ada" not in text(bob.get("/list/"))
    assert "for ada" not in text(ada.get("/list/"))
    assert status(ada.get("/list/")) == "hit"
    # What changes the session is not kept once all middleware has seen it.
    assert site.ran["list"] == (2 if storage[0] == "s" and way != "inside" else 1)


def test_what_is_told_is_for_nobody_else_and_no_longer_true() -> None:
    ada = visitor(name="ada")
    etag = visitor().get("/list/")["ETag"]
    say(ada, "for ada")
    told = ada.get("/list/", headers={"If-None-Match": etag, "Accept-Encoding": "gzip"})
    assert told.status_code == 200
    assert told["Cache-Control"] == "private, no-store"
    assert "Cookie" in told["Vary"]
    assert not {"ETag", "Last-Modified", "Content-Encoding"} & set(told.headers)
    assert told["Content-Length"] == str(len(told.content))
    assert ada.get("/list/", headers={"If-None-Match": etag}).status_code == 304


def test_nobody_is_told_by_a_head() -> None:
    ada = visitor(name="ada")
    visitor().get("/list/")
    say(ada, "for ada")
    head = ada.head("/list/")
    told = ada.get("/list/")
    assert (head.content, status(head)) == (b"", "hit")
    assert head["Content-Length"] == told["Content-Length"] == str(len(told.content))
    assert "for ada" in text(told)


@each_storage
def test_what_could_not_be_shown_is_shown_later() -> None:
    ada = visitor(name="ada")
    ada.raise_request_exception = False
    visitor().get("/breaks/")
    say(ada, "break it")
    assert ada.get("/breaks/").status_code == 500
    assert "break it" in text(ada.get("/list/"))


@each_storage
def test_more_than_fits_into_a_cookie(storage: str) -> None:
    ada = visitor(name="ada")
    visitor().get("/list/")
    many = [f"{n} {uuid4().hex * 5}" for n in range(20)]
    say(ada, *many)
    told = text(ada.get("/list/"))
    if storage[0] != "c":  # which forgets the oldest
        assert all(each in told for each in many)
    assert many[-1] in told
    assert many[-1] not in text(ada.get("/list/"))
    assert site.ran["list"] == 1


@each_storage
def test_to_make_it_anew_in_the_background_takes_none(way: str) -> None:
    ada = visitor(way, "ada")
    ada.get("/list/")
    say(ada, "for ada")
    site.PAGES["list"].refresh("/list/")
    assert site.ran["list"] == 2
    assert "for ada" in text(ada.get("/list/"))


def test_what_was_written_is_shown_with_its_message() -> None:
    ada = visitor(name="ada")
    visitor().get("/list/")
    say(ada, "for ada")
    Book.objects.create(title="Two", author=Author.objects.get())
    told = text(ada.get("/list/"))
    assert "for ada" in told
    assert "<i>Two</i>" in told
    assert status(visitor().get("/list/")) == "hit"
    assert site.ran["list"] == 2


def test_who_has_a_session_and_no_messages_is_served_at_the_door() -> None:
    with override_settings(MIDDLEWARE=MIDDLEWARE["door"]):
        visitor("door").get("/list/")
        ada = visitor("door", "ada")
        door: Any = ada.handler
        door.handler = None  # nobody is there
        assert status(ada.get("/list/")) == "hit"


def test_what_has_only_their_name_takes_none() -> None:
    ada = visitor(name="ada")
    say(ada, "for ada")
    for _ in range(2):
        assert text(ada.get("/shadowed/")) == "<p>mine</p><i>One</i>"
    assert "for ada" in text(ada.get("/list/"))


@pytest.mark.parametrize("storage", STORAGES[2:], indirect=True)
def test_the_page_does_not_hang_on_the_session_that_holds_them(storage: str) -> None:
    ada, bob = visitor(name="ada"), visitor(name="bob")
    ada.get("/list/")  # reads hers
    assert not any("session" in tag for tag in site.PAGES["list"].peek("/list/").tags)
    say(bob, "for bob")
    assert status(ada.get("/list/")) == "hit"


def test_in_a_page_of_ones_own() -> None:
    ada, bob = visitor(name="ada"), visitor(name="bob")
    for client in (ada, bob):
        client.get("/own/")
        say(client, "for you")
        told = client.get("/own/")
        assert (status(told), text(told)) == ("hit", "<p>for you</p><i>One</i>")
        assert text(client.get("/own/")) == "<i>One</i>"


@pytest.mark.long
@each_way
@pytest.mark.parametrize("name", site.REFUSED)
def test_where_it_can_not_be_told_who_has_some_has_a_page_of_his_own(way: str, name: str) -> None:
    ada, bob = visitor(way, "ada"), visitor(way, "bob")
    bob.get(f"/{name}/")
    assert status(bob.get(f"/{name}/")) == "hit"
    said = {}
    for where in (f"/bare/{name}/", f"/{name}/"):
        say(ada, "one", "two")
        said[where] = ada.get(where)
    bare, told = said.values()
    assert status(told) == "fwd=bypass"
    if name != "own-form":
        assert text(told) == text(bare)
    assert status(bob.get(f"/{name}/")) == "hit"
    with override_settings(DEBUG=True):
        say(ada, "three")
        assert site.REFUSED[name][1] in ada.get(f"/{name}/")["Cache-Status"]
    assert site.REFUSED[name][1] in why(f"http://testserver/{name}/").note


def test_a_page_that_is_compressed_by_its_view() -> None:
    ada = visitor(name="ada")
    visitor().get("/zipped/", headers={"Accept-Encoding": "gzip"})
    say(ada, "for ada")
    assert "for ada" in text(ada.get("/zipped/"))
    assert "for ada" not in text(ada.get("/zipped/"))


def test_of_two_at_once_each_is_told_his_own() -> None:
    """Both are in the middle of it at the same time."""
    with override_settings(MESSAGE_STORAGE=f"django.contrib.messages.storage.{STORAGES[1]}"):
        clients = [visitor(), visitor()]
        clients[0].get("/breaks/")
        for n, client in enumerate(clients):
            say(client, f"meet {n}")
        site.meet[:] = [Barrier(2, timeout=20).wait]
        with ThreadPoolExecutor(2) as pool:
            told = [*pool.map(lambda client: client.get("/breaks/"), clients)]
        assert [text(each) for each in told] == [f"meet {n}<i>One</i>" for n in range(2)]
        assert [status(each) for each in told] == ["hit", "hit"]
        assert {text(each.get("/breaks/")) for each in clients} == {"<i>One</i>"}


def test_what_the_view_itself_says_is_kept_for_nobody() -> None:
    for client in (visitor(), visitor(name="ada")):
        for _ in range(2):
            assert text(client.get("/adds/")) == "<p>for you</p>"
    assert site.ran["adds"] == 4


def test_a_template_that_has_changed_under_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = visitor(name="ada")
    visitor().get("/plain/")
    monkeypatch.setitem(site.TEMPLATES, "plain.html", "new: " + site.LIST)
    engines["django"].engine.template_loaders[0].reset()  # type: ignore[attr-defined]
    say(ada, "for ada")
    told = ada.get("/plain/")
    assert (status(told), text(told)[:5]) == ("fwd=bypass", "new: ")
    assert "for ada" in text(told)


def test_a_template_that_is_compiled_anew_each_time() -> None:
    loaders = [("django.template.loaders.locmem.Loader", site.TEMPLATES)]
    [ours, *_] = site.SETTINGS["TEMPLATES"]
    backend = {**ours, "OPTIONS": {**ours["OPTIONS"], "loaders": loaders}}
    with override_settings(TEMPLATES=[backend]):
        ada = visitor(name="ada")
        for name in ("grandchild", "including"):
            visitor().get(f"/{name}/")
            say(ada, "for ada")
            told = ada.get(f"/{name}/")
            assert status(told) == "hit"
            assert "for ada" in text(told)


def test_in_jinja2_who_has_some_has_a_page_of_his_own() -> None:
    ada, bob = visitor(name="ada"), visitor(name="bob")
    bob.get("/jinja/")
    say(ada, "for ada")
    told = ada.get("/jinja/")
    assert (status(told), text(told)) == ("fwd=bypass", "<p>for ada</p>")
    assert [status(each.get("/jinja/")) for each in (ada, bob)] == ["hit", "hit"]


@pytest.mark.parametrize("name", ["async", "list"])
def test_under_asgi(name: str) -> None:
    async def asked() -> list[Any]:
        client = AsyncClient()
        await client.get(f"/{name}/")
        await client.post("/say/", {"said": "for you"})
        return [await client.get(f"/{name}/") for _ in range(2)]

    told, again = async_to_sync(asked)()
    assert [status(told), status(again)] == ["hit", "hit"]
    assert ["for you" in text(each) for each in (told, again)] == [True, False]
    assert site.ran[name] == 1


def test_an_edge_is_not_to_keep_it() -> None:
    edge = {"Surrogate-Capability": 'a="ESI/1.0"'}
    with testing.override(SURROGATES=["127.0.0.1"], EDGES=["http://127.0.0.1:1"]):
        ada = visitor(name="ada")
        for where in ("/list/", "/plain/"):
            visitor().get(where, headers=edge)
            assert "max-age" in ada.get(where, headers=edge)["Surrogate-Control"]
            say(ada, "<esi:include src='//evil.example/'/>")
            told = ada.get(where, headers=edge)
            assert told["Cache-Control"] == "private, no-store"
            assert "Surrogate-Control" not in told  # nor is it composed there
            assert "&lt;esi:include src" in text(told)
