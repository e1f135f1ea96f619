"""Fragments: a page is for all, its pieces are not; in each composition the same bytes."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import django
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.cache import caches
from django.middleware.csrf import _does_token_match
from django.template import Template, TemplateSyntaxError, engines
from django.test import AsyncClient, Client, RequestFactory
from django.test.utils import override_settings
from django.utils.functional import SimpleLazyObject

from tests.books.models import Author, Book
from unhurried.cache import CacheError, fragment
from unhurried.cache._audience import observing
from unhurried.cache._engine._compute import own_unit
from unhurried.cache._fragments import _second as second
from unhurried.cache._pages import _refused
from unhurried.cache._stores._memory import MemoryStore
from unhurried.measure.reading import Replayed, current

from . import fragments_site as site
from .pages import MIDDLEWARE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def here() -> Iterator[None]:
    caches["default"].clear()
    _refused._passing.kept.clear()
    site.ran.clear()
    site.told.clear()
    author = Author.objects.create(name="Jacob")
    for title in ("One", "Two"):
        Book.objects.create(title=title, author=author)
    with override_settings(**site.SETTINGS):
        yield


def visitor(name: str = "", **more: Any) -> Client:
    client = Client()
    if name:
        client.force_login(User.objects.create_user(name, **more))
    return client


def status(response: Any) -> str:
    return str(response.get("Cache-Status", "")).partition("; ")[2].partition(";")[0]


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.mark.parametrize("by", ["auto", "phased", "esi", "ssi"])
def test_a_page_is_kept_once_and_greets_each(by: str) -> None:
    ada, bob, nobody = visitor("ada"), visitor("bob"), visitor()
    first = ada.get(f"/page/{by}/")
    assert status(first) == "fwd=miss"
    assert "stored" in first["Cache-Status"]
    for client, said in (
        (ada, "Hello, ada (16)"),
        (bob, "Hello, bob (16)"),
        (nobody, "Log in"),
        (ada, "Hello, ada (16)"),
    ):
        response = client.get(f"/page/{by}/")
        assert status(response) == "hit"
        assert f"<div>{said}</div><ul><li>One</li>" in text(response)
    assert site.ran["page.html"] == 1
    assert text(first) == text(ada.get(f"/page/{by}/"))


def test_the_bytes_are_the_same_in_each_composition() -> None:
    ada = visitor("ada")
    bare = {text(ada.get(f"/bare/page/{by}/")) for by in ("inline", "auto", "phased", "esi", "ssi")}
    kept = {text(ada.get(f"/page/{by}/")) for by in ("auto", "phased", "esi", "ssi") for _ in "12"}
    assert len(bare | kept) == 1


def test_what_has_pieces_of_a_reader_is_private() -> None:
    for response in (visitor("ada").get("/page/"), visitor().get("/page/")):
        assert {"private", "no-cache"} <= set(response["Cache-Control"].split(", "))
        assert "Cookie" in response["Vary"]


def test_the_etag_is_of_the_whole() -> None:
    ada, bob = visitor("ada"), visitor("bob")
    etags = [client.get("/page/")["ETag"] for client in (ada, bob, ada, bob)]
    assert etags[:2] == etags[2:]
    assert etags[0] != etags[1]
    assert ada.get("/page/", headers={"If-None-Match": etags[0]}).status_code == 304
    assert bob.get("/page/", headers={"If-None-Match": etags[0]}).status_code == 200


def test_head_has_the_length_of_the_whole() -> None:
    ada = visitor("ada")
    whole = ada.get("/page/")
    head = ada.head("/page/")
    assert (head.content, head["Content-Length"]) == (b"", str(len(whole.content)))


def test_a_write_renews_the_page_and_a_piece_its_own() -> None:
    ada = visitor("ada")
    ada.get("/page/")
    Book.objects.create(title="Three", author=Author.objects.get())
    assert "<li>Three</li>" in text(ada.get("/page/"))
    assert site.ran["page.html"] == 2


def test_inline_makes_the_page_personal() -> None:
    with pytest.raises(CacheError, match="looks at user"):
        visitor("ada").get("/page/inline/")


def test_pieces_that_are_kept_are_kept_for_each_and_fetched_at_once() -> None:
    ada, bob = visitor("ada"), visitor("bob")
    for _ in range(3):
        for client, name in ((ada, "ada"), (bob, "bob")):
            assert text(client.get("/many/phased/")) == f"<b>{name}</b>-One, Two;" * 5
    assert site.ran["many.html"] == 1
    assert site.ran["books"] == 1
    Book.objects.update(title="New")
    assert text(ada.get("/many/phased/")) == "<b>ada</b>-New, New;" * 5


def test_what_says_it_is_for_all_and_is_not_is_not_kept() -> None:
    ada = visitor("ada")
    for client, name in ((ada, "ada"), (ada, "ada"), (ada, "ada"), (visitor("bob"), "bob")):
        assert text(client.get("/bare/any/phased/sneaky/")) == name
    assert site.ran["sneaky"] == 4


def test_after_logout_and_a_new_password() -> None:
    ada = visitor("ada")
    assert "<b>ada</b>" in text(ada.get("/many/phased/"))
    ada.logout()
    assert "ada" not in text(ada.get("/many/phased/"))
    user = User.objects.get(username="ada")
    ada.force_login(user)
    user.set_password("new")
    user.save()
    assert "ada" not in text(ada.get("/many/phased/"))


@pytest.mark.parametrize("by", ["phased", "inline"])
def test_permission_is_asked_each_time(by: str) -> None:
    root, ada = visitor("root", is_staff=True), visitor("ada")
    where = f"/bare/any/{by}/staff-only/"
    assert text(root.get(where)) == "<a>admin</a>"
    assert text(ada.get(where)) == ""
    User.objects.filter(username="root").update(is_staff=False)
    assert text(root.get(where)) == ""


def test_a_piece_that_fails() -> None:
    ada = visitor("ada")
    assert text(ada.get("/any/phased/weak/")) == "strong"
    assert text(ada.get("/any/phased/broken/")) == "whole"
    site.told |= {"weak": True, "broken": True}
    assert text(ada.get("/any/phased/weak/")) == "<i>soon</i>"
    with pytest.raises(RuntimeError, match="broken"):
        ada.get("/any/phased/broken/")


@pytest.mark.parametrize("where", ["/any/inline/weak/", "/bare/weak-part/", "/function/"])
def test_a_fallback_is_kept_with_nothing(where: str) -> None:
    """It is for who has come too early; the next one may have more luck."""
    site.told |= {"weak": True, "template": "weak.html"}
    client = visitor()
    for _ in range(2):
        assert "<i>soon</i>" in text(client.get(where))
    del site.told["weak"]
    for _ in range(2):
        assert "strong" in text(client.get(where))


def test_a_fallback_does_not_take_the_place_of_what_was_good() -> None:
    with override_settings(UNHURRIED={"STRICT": False}):
        client, where = visitor(), "/weak-page/"
        assert text(client.get(where)) == "strong 2"
        site.told["weak"] = True
        Book.objects.create(title="Three", author=Author.objects.get())
        assert text(client.get(where)) == "<i>soon</i> 3"
        del site.told["weak"]
        assert text(client.get(where)) == "strong 3"


def test_a_fallback_that_is_put_in_for_each_leaves_its_page_alone() -> None:
    site.told["weak"] = True
    for said in ("fwd=miss", "hit"):
        response = visitor().get("/any/phased/weak/")
        assert (text(response), status(response)) == ("<i>soon</i>", said)


@pytest.mark.parametrize("by", ["phased", "auto"])
def test_a_piece_speaks_as_what_it_stands_in(by: str) -> None:
    here, abroad, there = "en-us America/Chicago", "de America/Chicago", "de Asia/Tokyo"
    expected = f"{there}|{there}|{there};{here}|{here}|{here}"
    in_parts = expected.replace(";", "de Asia/Tokyo;") + abroad
    for _ in range(3):
        client = visitor()
        assert text(client.get(f"/abroad/{by}/")) == "|".join([abroad] * 3)
        assert text(client.get(f"/tongues/{by}/")) == expected
        assert text(client.get(f"/tongues-part/{by}/")) == in_parts


def test_pieces_in_pieces() -> None:
    ada = visitor("ada")
    for _ in range(2):
        assert text(ada.get("/any/phased/nesting/")) == "[ada: Hello, ada (32)]"


@pytest.mark.parametrize("by", ["inline", "phased"])
def test_a_piece_that_holds_itself(by: str) -> None:
    with pytest.raises(CacheError, match="endless > endless > endless > endless"):
        visitor().get(f"/any/{by}/endless/")


def test_arguments_have_types() -> None:
    site.told |= {"text": "a/b ü", "price": "no", "id": None}
    with pytest.raises(TypeError, match="price='no' is a str, not a Decimal"):
        visitor().get("/typed/phased/")
    site.told |= {"price": None, "id": UUID(int=5)}
    wanted = (
        "&#x27;a/b ü&#x27; 2.0 None True UUID(&#x27;00000000-0000-0000-0000-000000000005&#x27;)"
    )
    for _ in range(2):
        assert text(visitor().get("/typed/phased/")) == wanted
    assert text(visitor().get("/bare/typed/inline/")) == wanted


# phased


def test_a_phased_block_is_rendered_for_each() -> None:
    ada, nobody = visitor("ada"), visitor()
    pk = Book.objects.get(title="One").pk
    for _ in range(2):
        assert text(ada.get("/phased/")) == f"<p>Hi ada</p>Oneada:{pk}"
        assert text(nobody.get("/phased/")) == f"<p>Hi you</p>One:{pk}"
    assert site.ran["phased.html"] == 1
    assert text(ada.get("/bare/phased/")) == f"<p>Hi ada</p>Oneada:{pk}"


def test_what_the_view_has_made_is_not_carried_along() -> None:
    with pytest.raises(
        CacheError, match=r"phased with book: that is a Book.*phased with pk=book\.pk"
    ):
        visitor().get("/instance/")


# In parts and functions


def test_a_block_in_a_phased_block_could_not_be_overridden() -> None:
    inside = "{% if user %}{% block nav %}{% endblock %}{% endif %}"
    template = f"{{% load unhurried %}}{{% phased with user %}}{inside}{{% endphased %}}"
    with pytest.raises(TemplateSyntaxError, match="put the phased block inside the block"):
        Template(template)
    Template("{% load unhurried %}{% block nav %}{% phased %}{% endphased %}{% endblock %}")


def test_in_a_part_that_is_kept() -> None:
    ada, bob = visitor("ada"), visitor("bob")
    for where in ("/bare/inner/phased/", "/inner/phased/"):
        for client, name in ((ada, "ada"), (bob, "bob"), (ada, "ada")):
            assert text(client.get(where)) == f"<i>Hello, {name} (32){name}</i>"


def test_a_part_does_not_keep_one_that_is_put_in_at_once() -> None:
    ada = visitor("ada")
    with override_settings(UNHURRIED={"STRICT": False}):
        for client, name in ((ada, "ada"), (ada, "ada"), (ada, "ada"), (visitor("bob"), "bob")):
            assert text(client.get("/bare/part/")) == f"<b>{name}</b>"
    assert site.ran["kept-hello"] == 3  # its own was not known on the first visit


@pytest.mark.parametrize(
    "template",
    ["function", "in-phases", "in-a-block", "in-a-part", "in-a-block-of-a-part"],
)
def test_a_function_does_not_keep_them(template: str) -> None:
    """Not even where all that was read before it is known, as it is from the second visit on."""
    site.told["template"] = f"{template}.html"
    ada = visitor("ada")
    for client, name in ((ada, "ada"), (ada, "ada"), (ada, "ada"), (visitor("bob"), "bob")):
        assert text(client.get("/function/")) == f"Hello, {name} (32)"
    assert site.ran["of_nobody"] == 4


def test_nor_does_a_page_around_the_function() -> None:
    with override_settings(UNHURRIED={"STRICT": False}):
        for name in ("ada", "bob"):
            response = visitor(name).get("/kept-function/")
            assert text(response) == f"Hello, {name} (32)"
            assert "stored" not in response["Cache-Status"]


def test_after_a_response_has_begun_they_are_made_at_once() -> None:
    response = visitor("ada").get("/stream/")
    assert b"".join(response.streaming_content) == b"Hello, ada (32)"


@pytest.mark.parametrize("where", ["/later/", "/async/"])
def test_rendered_late_and_asynchronously(where: str) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    for client, name in ((ada, "ada"), (bob, "bob"), (ada, "ada")):
        response = client.get(where)
        assert f"Hello, {name}" in text(response)
    assert status(response) == "hit"


def test_under_asgi() -> None:
    for expected in ("fwd=miss", "hit"):
        response = async_to_sync(AsyncClient().get)("/page/")
        assert "Log in" in text(response)
        assert status(response) == expected


# Filters around them


@pytest.mark.parametrize("where", ["escaped/phased/", "json/"])
def test_what_is_done_to_the_text_is_done_to_the_piece(where: str) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    for client in (ada, bob, ada):
        response = client.get(f"/{where}")
        assert text(response) == text(client.get(f"/bare/{where}"))
    assert status(response) == "hit"
    assert "&lt;b class=&quot;x&quot;&gt;ada" in text(response) or "escaped" not in where


def test_what_nobody_can_undo_is_not_kept() -> None:
    ada = visitor("ada")
    with override_settings(UNHURRIED={"STRICT": False}):
        for where, said in (("/upper/", "A"), ("/cut/", "")):
            for _ in range(2):
                response = ada.get(where)
                assert "stored" not in response["Cache-Status"]
                assert text(response) == said


def test_a_page_that_is_compressed_by_its_view() -> None:
    with override_settings(MIDDLEWARE=MIDDLEWARE["inside"]):
        for _ in range(2):
            response = visitor().get("/zipped/", headers={"Accept-Encoding": "gzip"})
            assert text(response) == "x" * 500 + "Log in"


def test_a_page_that_is_spelled_otherwise() -> None:
    with pytest.raises(CacheError, match=r"comes as identity in utf-16.*by=\"inline\""):
        visitor().get("/spelled/")


def test_what_a_reader_types_is_text() -> None:
    site.told["typed"] = '<u"0.0"> <u"' + "0" * 32 + '.0"> {% fragment "hello" %}'
    for _ in range(2):
        assert text(visitor().get("/injected/")) == f"{site.told['typed']}Log in"


# What becomes a piece by itself


def token_of(response: Any) -> str:
    found = re.findall(r'value="(\w{64})"', text(response))
    assert len(found) == 1
    assert f"<b>{found[0]}</b>" not in text(response)  # another one, as good
    return str(found[0])


def test_csrf_tokens_are_of_each_response() -> None:
    ada, bob = Client(enforce_csrf_checks=True), Client()
    pages = [ada.get("/form/"), bob.get("/form/"), ada.get("/form/")]
    assert [status(page) for page in pages] == ["fwd=miss", "hit", "hit"]
    for client, page in zip((ada, bob, ada), pages, strict=True):
        assert _does_token_match(token_of(page), client.cookies["csrftoken"].value)
    assert len({token_of(page) for page in pages}) == 3
    assert not _does_token_match(token_of(pages[0]), bob.cookies["csrftoken"].value)
    assert ada.post("/say/", {"csrfmiddlewaretoken": token_of(pages[2])}).status_code == 302


def test_messages_are_shown_once_to_one() -> None:
    ada, bob = visitor("ada"), visitor("bob")
    assert status(bob.get("/base/")) == "fwd=miss"
    assert status(ada.get("/base/")) == "hit"
    ada.get("/say/")
    assert status(bob.get("/base/")) == "hit"
    told = ada.get("/base/")
    assert (status(told), text(told)) == ("hit", "<li>Saved for ada</li>2")
    for client in (ada, bob):
        again = client.get("/base/")
        assert (status(again), text(again)) == ("hit", "2")


def test_messages_in_a_block_of_their_own() -> None:
    """Then the page is the same, kept or not, for whoever has some."""
    ada, bob = visitor("ada"), visitor("bob")
    assert text(bob.get("/spoken/")) == "<p></p>2"
    ada.get("/say/")
    for client, said in ((bob, ""), (ada, "Saved for ada"), (ada, ""), (bob, "")):
        response = client.get("/spoken/")
        assert (status(response), text(response)) == ("hit", f"<p>{said}</p>2")


def test_who_comes_first_with_a_message_is_told_and_the_others_are_not() -> None:
    ada, bob = visitor("ada"), visitor("bob")
    ada.get("/say/")
    assert text(ada.get("/base/")) == "<li>Saved for ada</li>2"
    assert text(bob.get("/base/")) == "2"
    assert status(ada.get("/base/")) == "hit"


# Wrong definitions


@pytest.mark.parametrize(
    ("define", "complaint"),
    [
        (lambda: fragment("a b"), "is no name"),
        (lambda: fragment("a", audience="everybody"), "audience='everybody' is unknown"),
        (lambda: fragment("a", fallback=3), "fallback=3 is no str"),
        (lambda: fragment("a", permission="staff"), "can't be called"),
        (lambda: fragment("a", ttl=-1), "ttl=-1 is no number"),
        (lambda: fragment("a")(lambda: ""), "takes no request"),
        (lambda: fragment("a")(lambda request, n: ""), "the argument n has no type"),
        (lambda: fragment("a")(lambda request, *n: ""), "can't be told in an address"),
        (lambda: fragment("hello")(lambda request: ""), "has that name already"),
    ],
)
def test_wrong_definitions(define: Any, complaint: str) -> None:
    with pytest.raises(CacheError, match=complaint):
        define()


def test_an_unknown_name() -> None:
    with pytest.raises(CacheError, match=r"no fragment 'helo'\. Did you mean 'hello'"):
        visitor().get("/any/inline/helo/")


def test_an_unknown_way() -> None:
    with pytest.raises(CacheError, match=r"by='phase' is unknown\. Did you mean 'phased'"):
        visitor().get("/any/phase/hello/")


# Jinja2

JINJA = {
    "BACKEND": "django.template.backends.jinja2.Jinja2",
    "NAME": "jinja2",
    "DIRS": [],
    "OPTIONS": {
        "environment": "tests.cache.fragments_site.environment",
        "extensions": ["unhurried.templatetags.jinja.Unhurried"],
    },
}


def test_in_jinja2() -> None:
    with override_settings(TEMPLATES=[*site.SETTINGS["TEMPLATES"], JINJA]):
        for name in ("ada", "bob"):
            response = visitor(name).get("/jinja/")
            assert text(response) == f"<p>Hello, {name} (8)</p>"
    assert status(response) == "hit"


def test_without_jinja2_django_finds_its_tags() -> None:
    """It imports whatever lies beside them."""
    code = (
        "import sys; sys.modules['jinja2'] = None\n"
        "import django; from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['unhurried'])\n"
        "django.setup()\n"
        "from django.template.backends.django import get_installed_libraries\n"
        "print(get_installed_libraries()['unhurried'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "unhurried.templatetags.unhurried\n", done.stderr


# Round trips, and what a response says of itself


def test_all_that_is_kept_is_fetched_in_one_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = visitor("ada")
    for _ in range(2):
        ada.get("/many/phased/")
    trips: list[bool] = []
    asked = MemoryStore.get_many

    def counted(store: MemoryStore, keys: Any) -> Any:
        trips.append(any("|fragment|" in key for key in keys))
        return asked(store, keys)

    monkeypatch.setattr(MemoryStore, "get_many", counted)
    response = ada.get("/many/phased/")
    assert status(response) == "hit"
    assert trips == [False, True]  # the page, then all its pieces


class Policy:
    """A middleware that sends the nonce of each response in its header, as Django 6 does."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        request.csp_nonce = SimpleLazyObject(lambda: secrets.token_urlsafe(16))
        response = self.get_response(request)
        response["Content-Security-Policy"] = f"script-src 'nonce-{request.csp_nonce}'"
        return response


@pytest.mark.parametrize("way", ["first", "inside"])
def test_a_nonce_is_of_each_response(way: str) -> None:
    middleware = list(MIDDLEWARE[way])
    middleware.insert(1, f"{__name__}.Policy")
    seen = set()
    with override_settings(MIDDLEWARE=middleware):
        for _ in range(3):
            response = visitor().get("/script/")
            (nonce,) = re.findall(r'<script nonce="([^"]+)"', text(response))
            assert response["Content-Security-Policy"] == f"script-src 'nonce-{nonce}'"
            seen.add(nonce)
    assert status(response) == "hit"
    assert len(seen) == 3


if django.VERSION >= (6,):

    def test_a_nonce_by_djangos_own_middleware() -> None:
        from django.utils.csp import CSP

        middleware = [*MIDDLEWARE["first"], "django.middleware.csp.ContentSecurityPolicyMiddleware"]
        policy = {"script-src": [CSP.NONCE]}
        with override_settings(MIDDLEWARE=middleware, SECURE_CSP=policy):
            for _ in range(3):
                response = visitor().get("/script/")
                (nonce,) = re.findall(r'<script nonce="([^"]+)"', text(response))
                assert f"'nonce-{nonce}'" in response["Content-Security-Policy"]
        assert status(response) == "hit"

    def test_a_partial_of_a_template() -> None:
        for name in ("ada", "bob"):
            response = visitor(name).get("/any/phased/partial/")
            assert text(response) == f"<i>{name}</i>"
        assert status(response) == "hit"


@pytest.mark.parametrize(("by", "told"), [("auto", False), ("phased", False), ("inline", True)])
def test_what_a_piece_looks_at_is_not_the_pages(by: str, told: bool) -> None:
    """Not even where the page is not being kept: who asks what is personal is told so."""
    request: Any = RequestFactory().get("/")
    request.user = SimpleLazyObject(lambda: User(username="ada"))
    with observing(request) as seen:
        page = engines["django"].get_template("any.html")
        assert "ada" in page.render({"name": "bold", "by": by}, request)
    assert any(name.startswith("user") for name in seen.touched) == told


def test_nothing_is_kept_of_a_page_that_is_replayed() -> None:
    """What it has read is rolled back."""
    request: Any = RequestFactory().get("/")
    request.user = User(username="ada")
    pieces = [["fragment", name, {}, "phased"] for name in ("kept-hello", "books")]
    told = ["<b>ada</b>", "One, Two"]
    token = current.set(Replayed())
    try:
        assert second.values(request, pieces) == told
        assert second.values(request, pieces) == told
    finally:
        current.reset(token)
    assert (site.ran["kept-hello"], site.ran["books"]) == (2, 2)
    for _ in range(2):
        with own_unit():
            assert second.values(request, pieces) == told
    assert (site.ran["kept-hello"], site.ran["books"]) == (3, 3)


def test_without_a_request() -> None:
    block = "{% load unhurried %}{% phased with size=3 %}{{ size }}{% endphased %}"
    assert engines["django"].from_string(block).render({}) == "3"
    for _ in range(3):
        visitor().get("/bare/inner/phased/")
    with pytest.raises(CacheError, match="is kept has fragments, and there is no request"):
        engines["django"].get_template("inner.html").render({"by": "phased"})
