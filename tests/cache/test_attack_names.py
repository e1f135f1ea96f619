"""One database by two names."""

import sqlite3
from contextlib import closing

import pytest
from django.db import connections

from unhurried.cache import cached


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
