"""Addresses of fragments: signed, checked anew for each reader, and a clear 4xx for all else."""

from __future__ import annotations

import base64
import json
import random
import re
import string
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.cache import caches
from django.test import Client, RequestFactory
from django.test.utils import override_settings
from django.utils import translation

from unhurried.cache import CacheError
from unhurried.cache._fragments import _registry, _signed
from unhurried.cache._fragments._render import Call

from . import fragments_site as site
from .test_fragments import text, visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def here() -> Iterator[None]:
    caches["default"].clear()
    site.ran.clear()
    site.told.clear()
    with override_settings(**site.SETTINGS):
        yield


def address(name: str, depth: int = 0, **values: Any) -> str:
    fragment = site.__dict__[name.replace("-", "_")]
    return _signed.address_of(Call(fragment, fragment.arguments.checked(values)), depth)


def test_it_is_what_stands_in_the_page() -> None:
    for client, said in ((visitor("ada"), "Hello, ada (8)"), (visitor(), "Log in")):
        response = client.get(address("hello", size=8))
        assert (response.status_code, text(response)) == (200, said)
        assert response["Content-Type"].startswith("text/html")


def test_it_is_the_same_for_the_same_call() -> None:
    assert address("hello", size=8) == address("hello", size=8)
    assert address("hello") == address("hello", size=32)
    assert address("hello") != address("hello", size=31)


def test_arguments_come_back_with_their_types() -> None:
    given = {"text": "a/b?ü", "number": 2, "on": True, "id": UUID(int=5)}
    response = visitor().get(address("typed", **given))
    assert text(response) == text(visitor().get(address("typed", **given)))
    assert "2.0 None True UUID" in text(response)


def test_caches_are_told_whose_it_is() -> None:
    ada = visitor("ada")
    assert ada.get(address("hello"))["Cache-Control"] == "private, no-store"
    assert ada.get(address("staff-only"))["Cache-Control"] == "private, no-store"
    shared = ada.get(address("books"))
    assert shared["Cache-Control"] == "no-cache"
    again = ada.get(address("books"), headers={"If-None-Match": shared["ETag"]})
    assert (again.status_code, shared["X-Robots-Tag"]) == (304, "noindex")


def test_permission_is_asked_at_the_address() -> None:
    where = address("staff-only")
    assert text(visitor("root", is_staff=True).get(where)) == "<a>admin</a>"
    refused = visitor("ada").get(where)
    assert (refused.status_code, text(refused)) == (403, "This is not for you.\n")
    assert site.ran["staff-only"] == 1


def test_where_all_views_want_a_login_a_fragment_says_itself_who_may_see_it() -> None:
    wants = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    with override_settings(MIDDLEWARE=[*django_settings.MIDDLEWARE, wants]):
        response = visitor().get(address("hello", size=8))
        assert (response.status_code, text(response)) == (200, "Log in")
        assert visitor().get(address("staff-only")).status_code == 403


def test_only_get_and_head_and_no_parameters() -> None:
    assert Client().post(address("hello")).status_code == 405
    assert Client().head(address("hello")).status_code == 200
    odd = Client().get(address("hello") + "?x=1")
    assert (odd.status_code, "no parameters" in text(odd)) == (400, True)


def test_another_fragments_signature() -> None:
    hello, books = address("hello").split("/"), address("books").split("/")
    crossed = "/".join([*hello[:-2], books[-2], ""])
    answer = Client().get(crossed)
    assert (answer.status_code, text(answer)) == (400, "This address was not made by this site.\n")


def test_a_key_that_has_been_rotated() -> None:
    old = address("hello")
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["tests"]):
        assert Client().get(old).status_code == 200
        assert address("hello") != old
    with override_settings(SECRET_KEY="new"):
        assert Client().get(old).status_code == 400


def test_a_fragment_that_is_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    where = address("hello")
    monkeypatch.delitem(_registry.known, "hello")
    assert Client().get(where).status_code == 404


@pytest.mark.parametrize(
    "said",
    [
        [1, 3, "en", {}],
        [1, "0", "en", {}],
        [1, 0, None, {}],
        [2, 0, "en", {}],
        [1, 0, "en", {"size": "big"}],
        [1, 0, "en", {"size": True}],
        [1, 0, "en", {"width": 3}],
        [1, 0, "en", ["size"]],
        [1, 0, "en"],
        {},
        "text",
    ],
)
def test_what_we_would_never_have_signed(said: Any) -> None:
    """A signature is no proof of sense: a leaked key, an older release."""
    payload = _signed._encoded(json.dumps(said).encode())
    signature = _signed._signer().signature(f"hello/{payload}")
    answer = Client().get(f"/unhurried/f/hello/{payload}:{signature}/")
    assert answer.status_code in (400, 410), text(answer)
    assert answer["Content-Type"].startswith("text/plain")


def test_too_long() -> None:
    assert Client().get("/unhurried/f/hello/" + "a" * 2001 + "/").status_code == 414


@pytest.mark.parametrize("by", ["client", "esi"])
def test_arguments_that_no_address_can_hold(by: str) -> None:
    site.told |= {"typed": "ä" * 400, "name": "long"}
    assert text(Client().get("/bare/long/phased/")) == ": 400;: 400"
    with (
        override_settings(UNHURRIED=TRUSTED),
        pytest.raises(CacheError, match=r"too long .* 1956 are the most"),
    ):
        Client().get(f"/bare/long/{by}/", headers=EDGE)


@pytest.mark.parametrize("length", [3, 1400, 1411, 1420, 1440, 3000])
@pytest.mark.parametrize(("name", "whose"), [("long", "ada: "), ("long-and-lazy", "")])
@pytest.mark.parametrize("where", ["/long/auto/", "/bare/long/auto/"])
def test_what_no_address_can_hold_is_put_in_at_once(
    name: str, whose: str, where: str, length: int
) -> None:
    """And whoever keeps the page is told that it is one reader's, in whatever language they are."""
    ada = visitor("ada")
    site.told |= {"typed": "a" * length, "name": name}
    with override_settings(UNHURRIED=EDGES):
        for _ in range(2):
            response = ada.get(where, headers=EDGE)
            found = re.findall(r'<(?:esi:include|unhurried-fragment) src="([^"]+)"', text(response))
            if found:
                assert length < 1440
                assert all(len(each.split("/")[-2]) <= _signed.LONGEST for each in found)
                assert "ada" not in text(response)
            else:
                assert length > 3
                assert text(response) == f"{whose}{length};{whose}{length}"
                assert not whose or not labelled(response)


def test_what_is_made_up() -> None:
    """Cut, changed by a bit, put together anew: never anything but a clear 4xx."""
    dice, client = random.Random(7), Client(raise_request_exception=True)
    signed = address("hello", size=8).split("/")[-2]
    letters = string.ascii_letters + string.digits + "-_:=.%~"
    for _ in range(400):
        kind = dice.randrange(4)
        if kind == 0:
            wrong = signed[: dice.randrange(len(signed))]
        elif kind == 1:
            at = dice.randrange(len(signed))
            wrong = signed[:at] + dice.choice(letters.replace(signed[at], "")) + signed[at + 1 :]
        elif kind == 2:
            wrong = "".join(dice.choices(letters, k=dice.randrange(1, 80)))
        else:
            wrong = signed + dice.choice(letters)
        answer = client.get(f"/unhurried/f/hello/{wrong}/")
        assert 400 <= answer.status_code < 500, wrong
        assert b"Hello" not in answer.content
    assert site.ran["hello"] == 0


def test_no_signature_of_another_kind() -> None:
    """The key signs sessions and cookies, too: none of those is an address."""
    from django.core.signing import Signer

    payload = base64.urlsafe_b64encode(b'[1,0,"",{}]').decode().rstrip("=")
    for salt in ("", "unhurried", "django.core.signing"):
        signature = Signer(salt=salt).signature(f"hello/{payload}")
        assert Client().get(f"/unhurried/f/hello/{payload}:{signature}/").status_code == 400


def test_its_language_is_the_pages() -> None:
    with translation.override("de"):
        where = address("hello")
    assert _signed.read("hello", where.split("/")[-2]).language == "de"


def test_without_the_urls() -> None:
    wanted = pytest.raises(CacheError, match=r'include\("unhurried\.urls"\)')
    with override_settings(ROOT_URLCONF="tests.cache.urls_without"), wanted:
        address("hello")


# By the browser


def test_the_element() -> None:
    page = text(visitor().get("/bare/any/auto/slow-one/"))
    found = re.fullmatch(
        r'<unhurried-fragment src="([^"]+)" loading="lazy" aria-busy="true"><p>…</p>'
        r'<noscript><a href="([^"]+)">slow one</a></noscript></unhurried-fragment>'
        r'<script type="module" src="(/unhurried/assets/fragment\.js\?v=\w+)"></script>',
        page,
    )
    assert found is not None, page
    assert found[1] == found[2]
    assert text(Client().get(found[1])) == "<p>slow</p>"
    script = Client().get(found[3])
    assert (script.status_code, "immutable" in script["Cache-Control"]) == (200, True)


def test_a_page_of_elements_is_for_all() -> None:
    for name in ("ada", "bob"):
        response = visitor(name).get("/page/client/")
        assert name not in text(response)
    assert "hit" in response["Cache-Status"]
    assert response["Cache-Control"] == "no-cache"


# At the edge

EDGE = {"Surrogate-Capability": 'varnish="ESI/1.0"'}
TRUSTED = {"SURROGATES": ["127.0.0.1"], "STRICT": True}


@pytest.mark.parametrize(
    ("said", "include"),
    [
        ('a="ESI/1.0"', r'<esi:include src="(/unhurried/f/hello/[^"]+)" onerror="continue"/>'),
        ('a="SSI/1.0"', r'<!--#include virtual="(/unhurried/f/hello/[^"]+)" -->'),
    ],
)
@pytest.mark.parametrize("where", ["/page/auto/", "/later/"])
def test_an_edge_that_is_trusted_gets_includes(said: str, include: str, where: str) -> None:
    with override_settings(UNHURRIED=TRUSTED):
        ada = visitor("ada")
        for _ in range(2):
            response = ada.get(where, headers={"Surrogate-Capability": said})
            (found,) = re.findall(include, text(response))
            assert "ada" not in text(response)
            assert said[3:6] in response["Surrogate-Control"]
            # nginx hands on what it says; Varnish makes it private itself, and may keep it.
            assert ("private" in response["Cache-Control"]) == ("SSI" in said)
        piece = ada.get(found, headers={"Surrogate-Capability": said})
        assert "Hello, ada" in text(piece)
        plain = ada.get(where)
        assert "Hello, ada" in text(plain)
        assert "Surrogate-Control" not in plain
        assert "hit" in plain["Cache-Status"]  # one entry, whoever puts the pieces in


def test_an_include_has_the_language_of_its_place_and_no_zone_is_lost() -> None:
    """An address says no time zone: where that is the page's own, the piece is put in at once."""
    with override_settings(UNHURRIED=TRUSTED):
        for _ in range(2):
            page = text(Client().get("/abroad/auto/", headers=EDGE))
            found = re.findall(r'src="([^"]+)"', page)
            pieces = [text(Client().get(each, headers=EDGE)) for each in found]
            assert pieces == ["de America/Chicago"] * 2
            page = text(Client().get("/tongues/auto/", headers=EDGE))
            assert page.startswith("de Asia/Tokyo|de Asia/Tokyo|de Asia/Tokyo;<esi:include")


def test_one_that_is_not_trusted_gets_the_page() -> None:
    with override_settings(UNHURRIED={"SURROGATES": ["10.0.0.1"], "STRICT": True}):
        response = visitor("ada").get("/page/auto/", headers=EDGE)
    assert "Hello, ada" in text(response)
    assert "Surrogate-Control" not in response


def test_a_page_that_is_not_kept_may_have_them_too() -> None:
    with override_settings(UNHURRIED=TRUSTED):
        response = visitor("ada").get("/bare/page/esi/", headers=EDGE)
        assert '<esi:include src="/unhurried/f/hello/' in text(response)
        assert 'content="ESI/1.0"' in response["Surrogate-Control"]


@pytest.mark.parametrize(
    "typed",
    [
        '<esi:include src="//evil.example/"/>',
        "<ESI:remove>x</ESI:remove>",
        "<!--esi <p>x</p> -->",
        '<!--#include virtual="/admin/" -->',
        "</esi:try>",
    ],
)
@pytest.mark.parametrize("where", ["/injected/", "/bare/injected/esi/"])
def test_what_somebody_typed_is_text(typed: str, where: str) -> None:
    site.told["typed"] = typed
    with override_settings(UNHURRIED=TRUSTED):
        for _ in range(2):
            response = visitor().get(where, headers=EDGE)
            body = text(response)
            assert "&lt;" in body
            assert len(re.findall(r"<(?:/?esi:|!--esi|!--#)", body, re.IGNORECASE)) == 1
            assert '<esi:include src="/unhurried/f/hello/' in body
        assert typed in text(visitor().get(where))


def test_nobody_sees_an_error_in_the_middle_of_a_page() -> None:
    site.told["broken"] = True
    with override_settings(UNHURRIED=TRUSTED):
        for name, expected in (("broken", 500), ("staff-only", 200)):
            response = Client(raise_request_exception=False).get(address(name), headers=EDGE)
            assert (response.status_code, response.content) == (expected, b"")


def test_a_request_without_middleware_of_ours_is_filled_in() -> None:
    request = RequestFactory().get("/", headers=EDGE)
    request.user = User(username="ada")
    from django.template import engines

    with override_settings(UNHURRIED=TRUSTED):
        page = engines["django"].get_template("any.html")
        assert "Hello, ada" in page.render({"name": "hello", "by": "esi"}, request)


EDGES = TRUSTED | {"EDGES": ["http://127.0.0.1:1"]}


def labelled(response: Any) -> bool:
    return "max-age" in response.get("Surrogate-Control", "")


def test_the_edge_may_keep_what_is_for_all() -> None:
    with override_settings(UNHURRIED=EDGES):
        for where in ("/page/auto/", "/base/"):
            for client in (visitor(), visitor(f"ada{where[1]}")):
                response = client.get(where, headers=EDGE)
                assert labelled(response)
                assert "Cookie" not in response.get("Vary", "")
        assert "X-Messages" in response["Vary"]
        assert not labelled(visitor().get("/page/auto/"))
        assert not labelled(visitor("eve").get("/page/phased/", headers=EDGE))


def test_not_what_a_decorator_or_a_middleware_has_let_through() -> None:
    """The edge would send it to everybody, without either."""
    with override_settings(UNHURRIED=EDGES):
        ada = visitor("ada")
        for _ in range(2):
            response = ada.get("/members/", headers=EDGE)
            assert "Hello, ada" in text(response) or "<esi:" in text(response)
            assert not labelled(response)
    unknown = [*django_settings.MIDDLEWARE, "tests.cache.test_fragments.Policy"]
    with override_settings(UNHURRIED=EDGES, MIDDLEWARE=unknown):
        assert not labelled(visitor().get("/base/", headers=EDGE))


def test_nor_what_sets_a_cookie_or_is_old() -> None:
    cookie = [*django_settings.MIDDLEWARE, "tests.cache.test_fragment_addresses.with_cookie"]
    vouched = EDGES | {"NEUTRAL_MIDDLEWARE": cookie[-1:]}
    with override_settings(UNHURRIED=vouched, MIDDLEWARE=cookie):
        assert not labelled(visitor().get("/base/", headers=EDGE))


def with_cookie(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        response = get_response(request)
        response.set_cookie("seen", "1")
        return response

    return middleware
