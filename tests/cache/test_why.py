"""``why``: what is kept, what it hangs on, who has changed that, and why it was not kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client, RequestFactory

from tests.books.models import Author, Book
from tests.measure.children import in_child
from unhurried import testing
from unhurried.cache import CacheError, Why, cached, invalidate, why
from unhurried.cache._engine import _changes, _counts
from unhurried.cache.reading import hint_of
from unhurried.measure import measured
from unhurried.measure.reading import changes

from . import pages_site as site
from .pages import MIDDLEWARE, site_with

pytestmark = pytest.mark.django_db(transaction=True)
LIST = f"{site.__name__}.book_list"


@pytest.fixture(autouse=True)
def kept(store: Path) -> Iterator[None]:
    with site_with(MIDDLEWARE["first"], UNHURRIED={"STORE": store}):
        _counts.seen.clear()
        _changes._waiting.clear()
        yield


@pytest.fixture
def book() -> Book:
    return Book.objects.create(title="One", author=site.author())


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("unhurried", "why", *arguments, stdout=out)
    return out.getvalue()


def tie(found: Why, name: str) -> Any:
    return next(each for each in found.ties if each.name == name)


def test_a_page_by_its_url(client: Client, book: Book) -> None:
    missing = why("/books/")
    assert missing.state == "missing"
    assert "http://testserver" in missing.note or "pass the whole URL" in missing.note
    for _ in range(3):
        client.get("/books/")
    found = why("/books/")
    assert (found.name, found.kind, found.state) == (LIST, "page", "fresh")
    assert found.key == site.book_list.key("/books/")
    assert found.age is not None
    assert found.ttl is not None
    assert 0 <= found.age < 60 < found.ttl <= 600
    assert found.bytes == len(b"One page 1")
    assert (found.hits, found.misses, found.hit_ratio) == (2, 1, 2 / 3)
    assert found.stored > 0
    assert "books_book" in [each.name for each in found.ties]
    assert found == why("http://testserver/books/") or found.key == why("/books/").key
    assert site.book_list.why("/books/").key == found.key
    assert why(RequestFactory().get("/books/")).key == found.key


def test_who_has_changed_it(client: Client, book: Book) -> None:
    client.get("/books/")
    with measured("nightly import"):
        Book.objects.update(title="Two")
    found = why("/books/")
    assert found.state == "changed"
    changed = tie(found, "books_book")
    assert changed.who == "nightly import"
    assert changed.differs
    assert not [each for each in found.ties if each.differs and each.name != "books_book"]
    assert "* books_book" in str(found)
    assert "by nightly import" in str(found)
    client.post("/write/")
    assert tie(why("/books/"), "books_book").who == "/write/"


def test_by_hand_is_a_change_as_well(client: Client, book: Book) -> None:
    client.get("/books/")
    with measured("a file has come"):
        invalidate(Book)
    changed = tie(why("/books/"), "books_book")
    assert (changed.who, changed.differs) == ("a file has come", True)


def test_who_has_changed_it_in_another_process(client: Client, book: Book) -> None:
    client.get("/books/")
    _changes.write()

    def elsewhere() -> None:
        with measured("elsewhere"):
            _changes.note(["default:books_book"])
        _changes.write()

    in_child(elsewhere)
    assert "elsewhere" in [each.who for each in changes()["default:books_book"]]


def test_a_write_that_is_rolled_back_is_a_change_all_the_same(book: Book) -> None:
    """As far as the protocol goes: its tokens are renewed, too."""
    _changes._waiting.clear()
    with transaction.atomic():
        Book.objects.update(title="Two")
        transaction.set_rollback(True)
    _changes.write()
    assert changes()["default:books_book"][0].who == _changes.NOBODY
    assert not [tag for tag in changes() if tag.startswith("db:")]


def test_what_is_noted_is_bounded(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    monkeypatch.setattr(_changes, "MOST", 20)
    for n in range(50):
        with measured(f"unit {n}"):
            _changes.note(["default:books_book"])
    assert len(_changes._waiting) <= 21
    found = changes()["default:books_book"]
    assert len(found) <= _changes.MOST_WHO + 1
    assert sum(each.count for each in found) == 50


def test_a_function_by_its_key_and_by_its_name(book: Book) -> None:
    name = f"username-{uuid4()}"

    @cached(600, key=name)
    def username(who: str) -> str:
        return f"{who} has {Book.objects.count()}"

    assert why(name).state == ""
    for _ in range(2):
        username("jacob")
    found = why(f"{name}:jacob")
    assert (found.state, found.kind, found.hits, found.misses) == ("fresh", "function", 1, 1)
    assert username.why("jacob").key == found.key
    assert why(f"{name}:ada").state == "missing"
    invalidate(name)
    changed = username.why("jacob")
    assert [each.name for each in changed.ties if each.differs] == [f"invalidate('{name}')"]


def test_why_it_was_not_kept(client: Client, store: Path) -> None:
    with testing.override(STORE=store, STRICT=False):
        client.get("/greets/")
    [reason] = why("/greets/").reasons
    assert "looks at user" in reason.text
    assert "pages_site.py:" in reason.text
    assert "not kept once" in str(why("/greets/"))
    assert 'audience="user"' in str(why("/greets/"))


def test_the_way_out_is_that_of_the_first_look(client: Client, store: Path) -> None:
    names = [letter * 60 for letter in "abcd"]
    site.told["do"] = lambda request: site.say(str([request.COOKIES.get(n) for n in names]))(
        request
    )
    with testing.override(STORE=store, STRICT=False):
        client.get("/does/")
    [reason] = why("/does/").reasons
    assert not reason.text.endswith("d")  # it was cut off
    assert hint_of(reason.text, "page") == f'cached_page(…, vary=["cookie:{names[0]}"]) adds it.'


def test_a_page_that_no_urlconf_tells_of(client: Client, book: Book) -> None:
    """A package calls it by its method; only what is kept tells."""
    with pytest.raises(CacheError, match="No cached_page was found on the view of /led/"):
        why("/led/")
    client.get("/led/")
    found = why("/led/")
    assert (found.name, found.state) == (LIST, "fresh")


@pytest.mark.parametrize(
    ("what", "message", "hint"),
    [
        ("/nowhere/", "leads nowhere", "URL of a page"),
        ("/unhurried/", "No cached_page was found", "@cached_page(600) on it; where another URLc"),
        (f"{LIST}s", f"Did you mean '{LIST}'?", "manage.py unhurried why"),
        ("quite:unknown", "Nothing that is cached is called", "manage.py unhurried why"),
    ],
)
def test_what_nobody_knows(what: str, message: str, hint: str) -> None:
    with pytest.raises(CacheError) as raised:
        why(what)
    assert message in str(raised.value)
    assert hint in raised.value.hint
    with pytest.raises(CommandError, match=re.escape(message)):
        said(what)


def test_it_computes_nothing(client: Client, book: Book) -> None:
    why("/books/")
    assert site.ran["list"] == 0


def test_the_command(client: Client, book: Book) -> None:
    for _ in range(2):
        client.get("/books/")
    [line] = [line for line in said().splitlines() if line.endswith(LIST)]
    assert line.split()[0] == "50\xa0%" or line.startswith("   50")
    assert LIST in said("/books/")
    assert "fresh:" in said("/books/")
    [found] = json.loads(said("/books/", "--json"))["kept"]
    assert (found["name"], found["state"], found["hit_ratio"]) == (LIST, "fresh", 0.5)
    names = [each["name"] for each in json.loads(said("--json"))["kept"]]
    assert names[0] == LIST


def test_nobody_is_named(client: Client, book: Book) -> None:
    """Neither values of rows nor who the visitors are."""
    client.get("/books/")
    Author.objects.create(name="Secret Name")
    assert "Secret" not in said("/books/") + said("/books/", "--json")
