"""``manage.py unhurried warm``: what is asked for later is made now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client, modify_settings

from unhurried import testing
from unhurried.cache import cached
from unhurried.cache._units._unit import marked
from unhurried.cache.reading import Warmed, warm

from . import pages_site as site
from .pages import MIDDLEWARE, READS, site_with, status

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True, params=["inside", "first"])
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    with site_with(MIDDLEWARE[request.param]):
        site.author()
        yield request.param


def one(*targets: str) -> Warmed:
    [found] = warm(targets)
    return found


def command(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("unhurried", "warm", *arguments, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.parametrize(
    "url", ["/books/", "/books/?page=2", "/class/", "/async/", "/late/", "/led/"]
)
def test_a_page_is_kept_before_anybody_asks(client: Client, url: str) -> None:
    assert (one(url).state, one(url).why) == ("kept", "")
    assert status(client.get(url)) == "hit"


def test_the_host_and_the_scheme_are_in_the_key(client: Client) -> None:
    [found] = warm(["/books/"], base="https://www.testserver")
    assert (found.what, found.state) == ("https://www.testserver/books/", "kept")
    assert status(client.get("/books/")) == "fwd=miss"
    response = client.get("/books/", headers={"Host": "www.testserver"}, secure=True)
    assert status(response) == "hit"


@pytest.mark.parametrize("base", ["example.com", "ftp://example.com", "https://example.com/a/"])
def test_what_is_no_base_is_told(base: str) -> None:
    with pytest.raises(CommandError, match="nothing like"):
        command("--base", base)


def test_it_is_made_again_whatever_is_kept(client: Client) -> None:
    client.get("/books/")
    assert one("/books/").state == "kept"
    assert site.ran["list"] == 2


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("/nowhere/", "there is no such page"),
        ("/unhurried/", "no cached_page was found on its view"),
        ("/books/99/", "it answered 404"),
        ("no.such.function", "neither a URL nor a cached function"),
    ],
)
def test_what_fails_says_why(target: str, why: str) -> None:
    found = one(target)
    assert found.state == "failed"
    assert why in found.why


@pytest.mark.parametrize("url", ["/books/", "/late/", "/async/"])
def test_a_middleware_that_asks_the_database_first_is_recorded(client: Client, url: str) -> None:
    marked.clear()
    with modify_settings(MIDDLEWARE={"append": READS}):
        assert one(url).state == "kept"
        assert not marked  # the requests of others are as they were
        assert status(client.get(url)) == "hit"
        site.author()
        assert status(client.get(url)) != "hit"


def test_what_is_not_kept_says_where_to_ask() -> None:
    with testing.override(STRICT=False):
        found = one("/greets/")
    assert found.state == "not kept"
    assert found.why == "manage.py unhurried why /greets/"


def test_without_arguments_all_that_can_be_told_from_the_urls() -> None:
    site.told["go_on"].set()  # for the one that waits
    found = {each.what: each.state for each in warm()}
    assert {"/books/", "/long/", "/async/", "/class/", "/plain/", "/spoken/"} <= found.keys()
    assert not any("<" in path or path.startswith("/unhurried/") for path in found)
    assert found["/books/"] == "kept"


def test_each_language_is_a_page_of_its_own(client: Client) -> None:
    found = [(each.language, each.state) for each in warm(["/spoken/"], ["de", "fr"])]
    assert found == [("de", "kept"), ("fr", "kept")]
    response = client.get("/spoken/", headers={"Accept-Language": "fr"})
    assert status(response) == "hit"
    assert b"Oui" in response.content


def test_a_function() -> None:
    ran: list[Any] = []

    def top() -> list[str]:
        ran.append(1)
        return ["One"]

    name = f"top-{uuid4()}"
    function = cached(600, key=name)(top)
    assert one(name).state == "kept"
    assert function.peek().value == ["One"]
    assert function() == ["One"]
    assert len(ran) == 1


def test_the_command() -> None:
    code, said = command("/books/", "/books/?page=2")
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()] == ["/books/", "/books/?page=2"]
    assert all(line.endswith("kept") for line in said.splitlines())
    code, said = command("/nowhere/", "--json")
    assert code == 1
    [found] = json.loads(said)["warmed"]
    assert (found["what"], found["state"]) == ("/nowhere/", "failed")


def test_languages_by_the_command(settings: Any) -> None:
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    _, said = command("/spoken/", "--languages", "--json")
    assert [each["language"] for each in json.loads(said)["warmed"]] == ["en", "de"]
