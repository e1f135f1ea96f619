"""The page of what is kept, and that of one thing."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tests.books.models import Author, Book
from unhurried import testing
from unhurried.cache import cached
from unhurried.cache._engine import _counts
from unhurried.cache._functions import _registry
from unhurried.conf import settings as ours
from unhurried.dashboard import _routes
from unhurried.measure import measured

from . import site
from .test_pages import Strict, seen

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.dashboard.site")]
KEPT = "tests.dashboard.site.kept"
GREETING = "tests.dashboard.site.greeting"


@pytest.fixture(autouse=True)
def nothing_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    _counts.seen.clear()
    monkeypatch.setattr(_registry, "known", {KEPT: site.kept, GREETING: site.greeting})


def page_of(name: str) -> str:
    return f"/unhurried/cache/{_routes.slug('kept', name)}/"


def test_nothing_is_kept(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_registry, "known", {})
    html = seen(staff, "/unhurried/cache/")
    Strict(html)
    assert "Nothing is kept yet." in html
    assert "@cached_page(600)" in html


def test_what_is_kept(staff: Client) -> None:
    for _ in range(4):
        staff.get("/kept/")
    html = seen(staff, "/unhurried/cache/")
    Strict(html)
    assert f'<a href="{page_of(KEPT)}">{KEPT}</a>' in html
    assert "75\u00a0%" in html
    assert f">{GREETING}</a>" in html  # nobody has asked for it


def test_a_name_that_looks_like_an_address(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    @cached(600, key="/menu")
    def menu() -> int:
        return 1

    monkeypatch.setattr(_registry, "known", {"/menu": menu})
    menu()
    assert f'<a href="{page_of("/menu")}">/menu</a>' in seen(staff, "/unhurried/cache/")
    Strict(seen(staff, page_of("/menu")))


def test_what_it_hangs_on_and_who_has_changed_that(staff: Client) -> None:
    staff.get("/kept/")
    with measured("nightly <import>"):
        Author.objects.create(name="A").book_set.create(title="One")
    html = seen(staff, page_of(KEPT))
    Strict(html)
    assert "books_book" in html
    assert "nightly &lt;import&gt;" in html
    assert "Not kept" not in html


def test_why_it_is_not_kept(staff: Client) -> None:
    with testing.override(STORE=ours.STORE, STRICT=False):
        staff.get("/greeting/")
    html = seen(staff, page_of(GREETING))
    Strict(html)
    assert "site.py:" in html
    assert "looks at user" in html
    assert "audience=&quot;user&quot;" in html


@pytest.mark.parametrize("slug", ["kbm90aGluZw", "r", "knot-ours", _routes.slug("request", KEPT)])
def test_what_is_not_there(staff: Client, slug: str) -> None:
    assert staff.get(f"/unhurried/cache/{slug}/").status_code == 404


def test_the_page_asks_no_database(staff: Client, django_assert_num_queries: Any) -> None:
    staff.get("/kept/")
    staff.get("/unhurried/cache/")
    with django_assert_num_queries(2):  # who is it?
        staff.get("/unhurried/cache/")
    assert Book.objects.count() == 0
    assert connection.vendor == "sqlite"
