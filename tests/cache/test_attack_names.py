"""One database by two names, and pages that would go by one."""

import sqlite3
from contextlib import closing

import pytest
from django.db import connections
from django.views import View

from unhurried.cache import cached, cached_page


@pytest.fixture
def one_file(tmp_path, monkeypatch, django_db_blocker):
    real, link = tmp_path / "data.sqlite", tmp_path / "link.sqlite"
    with closing(sqlite3.connect(real)) as made:
        made.execute("CREATE TABLE thing (n int)")
    link.symlink_to(real)
    for alias, place in (("one", real), ("two", link)):
        its = {**connections.settings["default"], "NAME": str(place)}
        monkeypatch.setitem(connections.settings, alias, its)
    with django_db_blocker.unblock():
        yield
        for alias in ("one", "two"):
            connections[alias].close()
            del connections[alias]


def test_one_file_by_two_names_is_one_database(one_file):
    @cached(600, key="attack_thing")
    def count():
        with connections["one"].cursor() as cursor:
            return cursor.execute("SELECT count(*) FROM thing").fetchone()[0]

    assert count() == 0
    with connections["two"].cursor() as cursor:
        cursor.execute("INSERT INTO thing VALUES (1)")
    assert count() == 1


def books(request):
    """A view."""


class Operation:
    def __init__(self, view_func):
        self.view_func = view_func

    def run(self, request):
        return self.view_func(request)


def test_a_class_or_an_object_that_is_made_for_a_function_has_its_name():
    made = type("WrappedAPIView", (View,), {"__module__": books.__module__})
    made.__name__ = "books"  # as @api_view does
    assert cached_page(600)(made.as_view()).name == f"{__name__}.books"
    assert cached_page(600)(Operation(books).run).name == f"{__name__}.books"
    named = [type(name, (View,), {"__module__": "shop"}).as_view() for name in ("A", "B")]
    assert [cached_page(600)(each).name for each in named] == ["shop.A", "shop.B"]
