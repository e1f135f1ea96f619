"""Entries in Redis, memcached and a table of PostgreSQL, on the real servers."""

from __future__ import annotations

import os
import pickle
import time

import pytest
from django.core.cache import caches as django_caches
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import connections

from tests import servers
from tests.cache.stores import EveryStore
from tests.measure.children import in_child
from tests.services.cache_site import BACKENDS, caches, memcached_cache, redis_cache
from tests.services.test_tokens_servers import counted, raw
from unhurried.cache._errors import Unavailable
from unhurried.cache._stores import _database
from unhurried.cache._stores._choose import store_for
from unhurried.cache._tokens import _home
from unhurried.cache._tokens._home import home_of
from unhurried.testing import override

MEGABYTE = 1024 * 1024


class WithTokens:
    """Stores on a server that is the home of the tokens, too."""

    def test_entry_and_tokens_come_in_one_round_trip(self, store):
        home = home_of("default")
        world, tokens = home.read(["default:one", "default:two"])
        store.set("a", b"1", 60)
        asked = ["default:two", "default:absent", "default:one"]
        with counted() as trips:
            found = store.get_with_tokens(["a", "b"], asked)
        assert trips == ["sent"]
        assert found == ({"a": b"1"}, world, [tokens[1], None, tokens[0]])
        assert store.get_with_tokens([], asked) is None
        assert store.get_with_tokens(["a"], []) == ({"a": b"1"}, world, [])

    def test_an_absent_token_is_not_added_by_looking(self, store):
        store.get_with_tokens(["a"], ["default:looked at"])
        assert store.get_with_tokens(["a"], ["default:looked at"])[2] == [None]

    def test_tokens_elsewhere_are_not_looked_for_here(self, store):
        with override(TOKENS="embedded"):
            assert store.get_with_tokens(["a"], ["default:one"]) is None
        _home.forget()

    def test_djangos_api_lives_beside_it(self, store):
        django_caches["default"].set("page:/a/", "django's", 60)
        store.set("page:/a/", b"ours", 60)
        assert django_caches["default"].get("page:/a/") == "django's"
        assert store.get_many(["page:/a/"]) == {"page:/a/": b"ours"}

    def test_a_child_has_connections_of_its_own(self, store):
        store.set("a", b"1", 60)
        assert in_child(lambda: len(store.get_many(["a"]))) == 1
        assert store.get_many(["a"]) == {"a": b"1"}


class TestRedis(EveryStore, WithTokens):
    @pytest.fixture
    def store(self, redis_server, tmp_path):
        raw(redis_server, "FLUSHALL")
        with caches(tmp_path, default=redis_cache(redis_server)):
            yield store_for("default")

    def test_nothing_is_unpickled(self, store):
        store.set("a", pickle.dumps(Bomb()), 60)
        assert store.get_many(["a"])["a"].startswith(b"\x80")

    def test_the_largest_pages_fit(self, store):
        page = os.urandom(20 * MEGABYTE)
        store.set("a", page, 60)
        assert store.get_many(["a"]) == {"a": page}

    def test_without_scripts_the_lease_still_fences(self, store, redis_server, tmp_path):
        raw(redis_server, "ACL SETUSER plain on >secret ~* +@all -eval")
        cache = redis_cache(redis_server, OPTIONS={"username": "plain", "password": "secret"})
        store.add("lease", b"me", 60)
        with caches(tmp_path, default=cache):
            poor = store_for("default")
            assert poor.set_if("a", b"mine", 60, "lease", b"me")
            assert poor.get_many(["a", "lease"]) == {"a": b"mine"}
            assert poor.add("lease", b"me", 60)
            assert not poor.set_if("a", b"yours", 60, "lease", b"you")
            assert poor.get_many(["a"]) == {"a": b"mine"}
            poor.release("lease", b"you")
            assert not poor.add("lease", b"you", 60)
            poor.release("lease", b"me")
            assert poor.add("lease", b"you", 60)

    def test_an_error_of_a_script_that_may_run_is_one(self, store):
        store.server.ask(("LPUSH", store._key("lease"), "x"))
        with pytest.raises(Unavailable, match="wrong kind"):
            store.set_if("a", b"1", 60, "lease", b"me")
        assert store._scripts


class TestMemcached(EveryStore, WithTokens):
    tick = 1.0

    @pytest.fixture
    def store(self, memcached_server, tmp_path):
        raw(memcached_server, "flush_all")
        with caches(tmp_path, default=memcached_cache(memcached_server)):
            yield store_for("default")

    def test_what_is_too_large_is_refused_and_nothing_else_happens(self, store):
        store.set("a", b"x" * (MEGABYTE - 1000), 60)
        with pytest.raises(Unavailable, match="too large"):
            store.set("b", os.urandom(2 * MEGABYTE), 60)
        store.set("c", b"1", 60)
        assert store.get_many(["a", "b", "c"]).keys() == {"a", "c"}


class TestSeveralMemcached(EveryStore):
    tick = 1.0

    @pytest.fixture
    def store(self, memcached_server, tmp_path):
        raw(memcached_server, "flush_all")
        with (
            servers.memcached() as other,
            caches(tmp_path, default=memcached_cache(memcached_server, other)),
        ):
            yield store_for("default")

    def test_each_server_is_asked_once(self, store):
        home_of("default").read([f"default:{i}" for i in range(30)])
        store.set("a", b"1", 60)
        with counted() as trips:
            found = store.get_with_tokens(["a"], [f"default:{i}" for i in range(30)])
        assert trips == ["sent", "sent"]
        assert found[0] == {"a": b"1"}
        assert None not in found[2]
        assert found[2] == home_of("default").read([f"default:{i}" for i in range(30)])[1]


class TestPostgreSQL(EveryStore):
    @pytest.fixture
    def store(self, postgres_server, tmp_path, monkeypatch, django_db_blocker):
        database = {**connections.settings["default"], "NAME": "postgres", "USER": "postgres"}
        database |= {"ENGINE": "django.db.backends.postgresql", "HOST": postgres_server.host}
        monkeypatch.setitem(connections.settings, "pg", {**database, "PORT": postgres_server.port})
        monkeypatch.setattr(_database.router, "db_for_write", lambda model: "pg")
        table = {"BACKEND": f"{BACKENDS}.db.DatabaseCache", "LOCATION": "cache table"}
        with (
            caches(tmp_path, default=table),
            override(TOKENS="embedded"),
            django_db_blocker.unblock(),
        ):
            call_command("createcachetable", database="pg", verbosity=0)
            connections["pg"].cursor().execute('TRUNCATE "cache table"')
            yield store_for("default")
            store_for("default")._connections.empty()
            connections["pg"].close()
            del connections["pg"]

    def test_a_connection_lasts_for_a_request_and_a_broken_one_is_not_used_again(self, store):
        request_started.send(sender=None)
        store.set("a", b"1", 60)
        ((connection, _),) = store._connections._idle
        pid = connection.connection.info.backend_pid
        connections["pg"].cursor().execute("SELECT pg_terminate_backend(%s)", [pid])
        time.sleep(0.1)
        with pytest.raises(Unavailable):
            store.get_many(["a"])
        assert store.get_many(["a"]) == {"a": b"1"}
        request_finished.send(sender=None)
        assert not store._connections._idle

    def test_expired_rows_are_swept(self, store, monkeypatch):
        monkeypatch.setattr(_database.chance, "randrange", lambda n: 0)
        store.set("a", b"1", 0.01)
        time.sleep(0.02)
        store.set("b", b"1", 60)
        with connections["pg"].cursor() as cursor:
            cursor.execute('SELECT cache_key FROM "cache table"')
            assert cursor.fetchall() == [("unhurried:e::1:b",)]


class Bomb:
    def __reduce__(self):
        return os._exit, (3,)
