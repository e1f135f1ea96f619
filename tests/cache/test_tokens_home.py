"""Which home an alias's tokens have, and what the checks say about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connections
from django.test import override_settings

from unhurried.cache._errors import CacheError, Unavailable
from unhurried.cache._tokens import _home, _problems
from unhurried.cache._tokens._embedded import Embedded
from unhurried.cache._tokens._home import home_named, home_of, home_of_tag, homes
from unhurried.cache._tokens._problems import problems, server_problems
from unhurried.testing import override

BACKENDS = "django.core.cache.backends"
LOCMEM = {"BACKEND": f"{BACKENDS}.locmem.LocMemCache"}
REDIS = {"BACKEND": f"{BACKENDS}.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1"}
MEMCACHED = {"BACKEND": f"{BACKENDS}.memcached.PyMemcacheCache", "LOCATION": "127.0.0.1:1"}
FILE = {"BACKEND": f"{BACKENDS}.filebased.FileBasedCache", "LOCATION": "/nowhere"}
SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": "/nowhere/db.sqlite3"}
POSTGRES = {"ENGINE": "django.db.backends.postgresql", "NAME": "site", "HOST": ""}
FAR = {**POSTGRES, "HOST": "db.example.com"}


@pytest.fixture
def world(monkeypatch, tmp_path):
    """world(databases, caches, TOKENS=…)"""

    def make(databases, caches=None, **given):
        for alias in list(connections.settings):
            monkeypatch.delitem(connections.settings, alias)
        for alias, database in databases.items():
            monkeypatch.setitem(connections.settings, alias, database)
        stack.append(override_settings(CACHES=caches or {"default": LOCMEM}, DATABASES=databases))
        stack.append(override(**{"STORE": tmp_path / "store", "STRICT": False, **given}))
        for each in stack[-2:]:
            each.__enter__()
        _home.forget()

    stack = []
    with pytest.warns(UserWarning, match="DATABASES"):
        yield make
    for each in reversed(stack):
        each.__exit__(None, None, None)
    _home.forget()


def test_sqlite_has_its_table_beside_the_file(world, tmp_path):
    world({"default": {**SQLITE, "NAME": tmp_path / "db.sqlite3"}}, {"default": REDIS})
    home = home_of("default")
    assert isinstance(home, Embedded)
    home.read(["default:a"])
    assert (tmp_path / "db.sqlite3.unhurried-tokens").exists()


def test_the_table_of_a_link_lies_beside_what_it_points_to(world, tmp_path):
    """SQLite's journal does, and all processes must find the same."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link.sqlite3").symlink_to(tmp_path / "real" / "db.sqlite3")
    world({"default": {**SQLITE, "NAME": str(tmp_path / "link.sqlite3")}})
    assert home_of("default").path == tmp_path / "real" / "db.sqlite3.unhurried-tokens"


@pytest.mark.parametrize("name", [":memory:", "file:memorydb_default?mode=memory&cache=shared", ""])
def test_a_database_in_memory_has_tokens_of_its_process(world, name):
    world({"default": {**SQLITE, "NAME": name}})
    assert home_of("default").path is None


def test_two_files_have_two_tables_and_an_alias_of_the_same_file_none_of_its_own(world, tmp_path):
    one, two = ({**SQLITE, "NAME": str(tmp_path / name)} for name in ("one", "two"))
    world({"default": one, "again": dict(one), "other": two})
    assert home_of("default") is home_of("again")
    assert home_of("other") is not home_of("default")
    assert home_of("other").name != home_of("default").name
    assert len(homes()) == 2


def test_another_database_takes_the_default_cache_if_that_can_hold_tokens(world):
    world({"default": POSTGRES}, {"default": MEMCACHED})
    assert home_of("default").name == "default"


def test_else_the_table_lies_in_the_store(world, tmp_path):
    world({"default": POSTGRES, "other": {**POSTGRES, "NAME": "other"}})
    assert home_of("default").name == "embedded"
    assert home_of("default").path.is_relative_to(tmp_path / "store")
    assert home_of("other") is home_of("default")
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700


def test_a_store_that_others_may_open_holds_no_tokens(world, tmp_path):
    (tmp_path / "store").mkdir(mode=0o777)
    (tmp_path / "store").chmod(0o777)
    world({"default": POSTGRES})
    with pytest.raises(Unavailable, match="chmod 700"):
        home_of("default").read(["t"])


def test_the_setting_says_otherwise(world):
    world({"default": SQLITE}, {"default": LOCMEM, "shared": MEMCACHED}, TOKENS="shared")
    assert home_of("default").name == "shared"
    world({"default": POSTGRES}, {"default": MEMCACHED}, TOKENS="embedded")
    assert home_of("default").name == "embedded"


def test_a_cache_that_cannot_hold_tokens_is_an_error(world):
    world({"default": POSTGRES}, {"default": FILE}, TOKENS="default")
    with pytest.raises(CacheError, match="can't hold tokens"):
        home_of("default")


def test_tags_have_the_home_of_their_alias(world, tmp_path):
    other = {**SQLITE, "NAME": str(tmp_path / "other")}
    world({"default": {**SQLITE, "NAME": str(tmp_path / "one")}, "other": other})
    for tag in ("default:books_book", "default:*", "db:default", "name:front", "name:other:x"):
        assert home_of_tag(tag) is home_of("default"), tag
    for tag in ("other:books_book", "other:public.books:x", "db:other", "other:*"):
        assert home_of_tag(tag) is home_of("other"), tag
    assert home_of_tag("db:no such alias") is home_of("default")


def test_a_home_is_found_by_its_name(world, tmp_path):
    world({"default": SQLITE, "other": {**SQLITE, "NAME": str(tmp_path / "other")}})
    name = home_of("other").name
    _home.forget()
    assert home_named(name).path == tmp_path / "other.unhurried-tokens"
    assert home_named("of other settings") is None


def test_the_name_of_a_database_may_change_as_under_tests(world, tmp_path):
    world({"default": {**SQLITE, "NAME": str(tmp_path / "one")}})
    before = home_of("default")
    connections.settings["default"]["NAME"] = str(tmp_path / "test_one")
    assert home_of("default") is not before


# Checks


def kinds(*also):
    return [kind for kind, message, hint in [*problems(), *also] if message and hint]


@pytest.mark.parametrize(
    ("databases", "caches", "tokens", "expected"),
    [
        (SQLITE, LOCMEM, "auto", []),
        (POSTGRES, LOCMEM, "auto", []),
        ({**POSTGRES, "HOST": "/run/postgresql"}, LOCMEM, "auto", []),
        ({**POSTGRES, "HOST": "localhost"}, LOCMEM, "auto", []),
        ({**POSTGRES, "HOST": "127.0.1.1"}, LOCMEM, "auto", []),
        ({**POSTGRES, "HOST": "::1"}, LOCMEM, "auto", []),
        (FAR, LOCMEM, "auto", ["not_shared"]),
        ({**POSTGRES, "HOST": "10.0.0.7"}, LOCMEM, "auto", ["not_shared"]),
        (FAR, FILE, "auto", ["not_shared"]),
        (FAR, MEMCACHED, "auto", []),
        (FAR, LOCMEM, "embedded", []),
        (FAR, LOCMEM, "default", ["local_memory"]),
        (SQLITE, LOCMEM, "defualt", ["unknown"]),
        (FAR, FILE, "default", ["unfit"]),
        (FAR, {**MEMCACHED, "OPTIONS": {"MAX_ENTRIES": 300}}, "auto", ["max_entries"]),
        (FAR, {**MEMCACHED, "OPTIONS": {"MAX_ENTRIES": 10_000}}, "auto", []),
    ],
)
def test_what_is_wrong_is_said(world, databases, caches, tokens, expected):
    world({"default": databases}, {"default": caches}, TOKENS=tokens)
    assert kinds() == expected


def test_the_nearest_right_name_is_offered(world):
    world({"default": SQLITE}, {"default": LOCMEM, "shared": MEMCACHED}, TOKENS="shard")
    ((_, message, hint),) = problems()
    assert "Did you mean 'shared'?" in message
    assert hint == "One of: auto, embedded, default, shared."


def test_tokens_in_local_memory_are_for_tests(world):
    world({"default": SQLITE}, {"default": LOCMEM}, TOKENS="default", STRICT=True)
    assert kinds() == []
    assert home_of("default").path is None


def test_a_table_that_cannot_be_written_is_said(world, tmp_path, monkeypatch):
    world({"default": {**SQLITE, "NAME": str(tmp_path / "db.sqlite3")}})
    assert kinds() == []
    monkeypatch.setattr(_problems.os, "access", lambda path, mode: False)
    assert kinds() == ["file"]


def test_one_far_database_of_several_is_enough(world):
    world({"default": SQLITE, "far": FAR})
    ((kind, message, _),) = problems()
    assert kind == "not_shared"
    assert "'far'" in message
    assert "db.example.com" in message


def test_no_server_is_asked_where_none_has_tokens(world):
    world({"default": SQLITE}, {"default": REDIS})
    assert list(server_problems()) == []


def test_the_store_is_not_made_by_looking(world, tmp_path):
    world({"default": SQLITE})
    kinds()
    assert not (tmp_path / "store").exists()
    assert not Path("/nowhere").exists()
