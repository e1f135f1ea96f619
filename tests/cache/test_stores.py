"""Stores that need no server: memory, files, a table in SQLite, none."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import signal
import sqlite3
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.cache import caches
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import connections, transaction
from django.test import override_settings

from tests.cache.stores import EveryStore
from tests.measure.children import child, in_child
from unhurried.cache._errors import CacheError, Unavailable
from unhurried.cache._servers._memcached import MONTH, address, expiry
from unhurried.cache._stores import _database, _file, _private
from unhurried.cache._stores._choose import store_for
from unhurried.cache._stores._memory import OVERHEAD, MemoryStore
from unhurried.measure.reading import observers

BACKENDS = "django.core.cache.backends"


def cache(backend: str, **more):
    return override_settings(CACHES={"default": {"BACKEND": f"{BACKENDS}.{backend}", **more}})


class Listener:
    """Hears all statements of Django's connections."""

    def __init__(self):
        self.heard = []

    def before(self, statement):
        self.heard.append(statement.sql)

    def after(self, statement, error):
        pass


class TestMemory(EveryStore):
    @pytest.fixture
    def store(self):
        with cache("locmem.LocMemCache"):
            yield store_for("default")

    def test_it_is_bounded_in_bytes_and_forgets_what_was_used_longest_ago(self):
        store = MemoryStore("m", max_entries=100, max_bytes=3 * (1000 + OVERHEAD))
        for key in "abc":
            store.set(key, b"x" * 1000, 60)
        store.get_many(["a"])
        store.set("d", b"x" * 1000, 60)
        assert store.get_many(list("abcd")).keys() == {"a", "c", "d"}
        store.set("too large", b"x" * 10_000, 60)
        assert store.get_many(list("acd")).keys() == {"a", "c", "d"}

    def test_it_is_bounded_in_entries(self):
        store = MemoryStore("m", max_entries=3)
        for i in range(10):
            store.set(str(i), b"", 60)
        assert store.get_many([str(i) for i in range(10)]).keys() == {"7", "8", "9"}

    def test_replacing_and_deleting_give_the_room_back(self):
        store = MemoryStore("m")
        for size in (100, 10, 1000):
            store.set("a", b"x" * size, 60)
        assert store._bytes == 1000 + OVERHEAD
        store.delete("a")
        store.set("b", b"x", 0.01)
        time.sleep(0.02)
        store.get_many(["b"])
        assert store._bytes == 0

    def test_djangos_limit_counts_where_it_is_set(self):
        with cache("locmem.LocMemCache", OPTIONS={"MAX_ENTRIES": 2}):
            assert store_for("default")._max_entries == 2
        with cache("locmem.LocMemCache"):
            assert store_for("default")._max_entries == 10_000

    def test_a_fork_while_it_is_locked(self, store):
        with store._lock:
            assert in_child(lambda: store.set("a", b"1", 60) or len(store.get_many(["a"]))) == 1


class TestFile(EveryStore):
    @pytest.fixture
    def store(self, tmp_path: Path):
        with cache("filebased.FileBasedCache", LOCATION=tmp_path / "cache"):
            yield store_for("default")

    def test_all_is_ours_alone(self, store):
        store.set("a", b"1", 60)
        store.add("b", b"1", 60)
        for path in [store.folder, *store.folder.rglob("*")]:
            assert stat.S_IMODE(path.stat().st_mode) in (0o600, 0o700)

    def test_a_folder_that_others_may_write_to_is_not_used(self, store):
        store.set("a", b"1", 60)
        store.folder.chmod(0o777)
        for call in (
            lambda: store.get_many(["a"]),
            lambda: store.set("a", b"2", 60),
            lambda: store.add("b", b"2", 60),
            lambda: store.delete("a"),
        ):
            with pytest.raises(Unavailable, match="chmod 700"):
                call()

    def test_a_link_in_the_place_of_the_folder_is_not_followed(self, store, tmp_path):
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        store.folder.parent.mkdir()
        store.folder.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(Unavailable):
            store.set("a", b"1", 60)

    def test_nothing_is_unpickled(self, store):
        store.set("a", b"1", 60)
        store._path("a").write_bytes(pickle.dumps(Bomb()))
        assert store.get_many(["a"]) == {}

    @pytest.mark.parametrize("content", [b"", b"short", b"x" * 100])
    def test_what_is_damaged_is_not_there(self, store, content):
        store.set("a", b"1", 60)
        store._path("a").write_bytes(content)
        assert store.get_many(["a"]) == {}
        store.set("a", b"2", 60)
        assert store.get_many(["a"]) == {"a": b"2"}

    def test_djangos_api_lives_beside_it(self, store):
        caches["default"].set("a", "django's", 60)
        store.set("a", b"ours", 60)
        assert caches["default"].get("a") == "django's"
        caches["default"].clear()
        assert store.get_many(["a"]) == {"a": b"ours"}

    def test_what_has_expired_is_swept_and_what_is_too_much(self, store, monkeypatch):
        """One folder at a time, on one set of many."""
        monkeypatch.setattr(_file.chance, "randrange", lambda n: 0)
        monkeypatch.setattr(_file, "STALE", 0.01)
        store._most = 3
        store.set("expired", b"1", 0.01)
        folder = store._path("expired").parent
        (folder / ".left-by-a-dead-writer").touch()
        (folder / "foreign").touch()
        time.sleep(0.02)
        store._sweep(folder)
        assert list(folder.iterdir()) == []
        for i in range(5):
            (folder / str(i)).write_bytes(_file.HEADER.pack(_file.MAGIC, time.time() + 60))
            os.utime(folder / str(i), (i, i))
        store._sweep(folder)
        assert {path.name for path in folder.iterdir()} == {"2", "3", "4"}

    def test_a_full_disk_leaves_nothing_behind(self, store, monkeypatch):
        store.set("a", b"1", 60)

        def full(*paths):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
        with pytest.raises(Unavailable, match="No space"):
            store.set("a", b"2", 60)
        monkeypatch.undo()
        assert store.get_many(["a"]) == {"a": b"1"}
        assert len(list(store._path("a").parent.iterdir())) == 1

    def test_two_processes_do_not_both_get_the_lease(self, store):
        store.set("warm", b"", 60)
        assert in_child(lambda: store.add("lease", b"child", 60))
        assert not store.add("lease", b"parent", 60)

    def test_a_lease_that_is_held_is_seen_without_the_lock(self, store):
        assert store.add("lease", b"first", 60)
        with store._alone():
            assert not store.add("lease", b"second", 60)

    def test_a_lease_that_is_free_is_had_without_the_lock(self, store):
        with store._alone():
            assert store.add("lease", b"first", 60)
        assert store.get_many(["lease"]) == {"lease": b"first"}

    def test_of_a_crowd_one_gets_the_lease(self, store):
        with ThreadPoolExecutor(32) as pool:
            had = list(pool.map(lambda n: store.add("lease", b"%d" % n, 60), range(500)))
        assert had.count(True) == 1

    def test_where_there_are_no_hard_links_there_is_the_lock(self, store, monkeypatch):
        def refused(source, target):
            raise PermissionError(errno.EPERM, "no links here")

        monkeypatch.setattr(_file.os, "link", refused)
        assert store.add("lease", b"first", 60)
        assert not store.add("lease", b"second", 60)

    def test_who_reads_an_expired_lease_does_not_remove_its_successor(self, store, monkeypatch):
        store.set("lease", b"old", 60)
        path = store._path("lease")
        real = time.time() + 61
        monkeypatch.setattr(_file.time, "time", lambda: real)
        assert _file._read(path) is None
        assert path.exists()
        assert store.add("lease", b"new", 60)
        assert store.get_many(["lease"]) == {"lease": b"new"}

    @pytest.mark.parametrize("step", ["write", "link", "replace"])
    def test_who_is_killed_in_the_middle_leaves_no_half_entry(self, store, monkeypatch, step):
        def killed(*args):
            os.kill(os.getpid(), signal.SIGKILL)

        def dying():
            if step == "write":  # the first half is in the file, the other never comes
                monkeypatch.setattr(_file.os, "fdopen", HalfWritten)
            else:
                monkeypatch.setattr(_file.os, step, killed)
            (store.set if step == "replace" else store.add)("a", b"x" * 100_000, 60)

        killed_in(dying)
        assert store.get_many(["a"]) == {}
        assert store.add("a", b"whole", 60)
        assert store.get_many(["a"]) == {"a": b"whole"}

    def test_who_is_killed_with_the_lock_frees_it(self, store):
        def dying():
            with store._alone():
                os.kill(os.getpid(), signal.SIGKILL)

        killed_in(dying)
        assert store.add("lease", b"me", 60)
        store.release("lease", b"me")
        assert store.get_many(["lease"]) == {}

    def test_the_folder_may_be_removed_while_it_runs(self, store):
        store.set("a", b"1", 60)
        shutil.rmtree(store.folder)
        assert store.get_many(["a"]) == {}
        assert store.add("lease", b"me", 60)
        assert store.set_if("a", b"2", 60, "lease", b"me")
        assert store.get_many(["a"]) == {"a": b"2"}

    def test_two_that_sweep_the_same_folder_do_not_trip_over_each_other(self, store):
        folder = store._path("a").parent
        store._prepare(folder)
        for number in range(400):
            (folder / f"{number:038x}").write_bytes(_file.HEADER.pack(_file.MAGIC, 1.0))
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(store._sweep, [folder] * 4))
        assert list(folder.iterdir()) == []


def killed_in(dying) -> None:
    """In a process of its own, which says no more."""
    with child(lambda link: dying()) as forked, pytest.raises(EOFError):
        forked.link.hear()


class HalfWritten:
    """A file whose process is killed after the first half."""

    def __init__(self, fd: int, mode: str) -> None:
        self.fd = fd

    def __enter__(self) -> HalfWritten:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self.fd)

    def write(self, data: bytes) -> None:
        os.write(self.fd, data[: max(24, len(data) // 2)])
        if len(data) > 24:
            os.kill(os.getpid(), signal.SIGKILL)


class Bomb:
    def __reduce__(self):
        return os._exit, (3,)


class TestDatabase(EveryStore):
    @pytest.fixture
    def store(self, tmp_path: Path, monkeypatch, django_db_blocker):
        """A file of its own: the tests' database is in memory, and other tests hold it."""
        database = {**connections.settings["default"], "NAME": str(tmp_path / "db.sqlite3")}
        monkeypatch.setitem(connections.settings, "cached", database)
        monkeypatch.setattr(_database.router, "db_for_write", lambda model: "cached")
        monkeypatch.setattr(_private, "BUSY", 10.0)
        with cache("db.DatabaseCache", LOCATION="cache table"), django_db_blocker.unblock():
            call_command("createcachetable", database="cached", verbosity=0)
            yield store_for("default")
            store_for("default")._connections.empty()
            connections["cached"].close()
            del connections["cached"]

    def test_the_table_and_its_times_are_djangos(self, store, tmp_path):
        store.set("a", b"1", 60)
        with sqlite3.connect(tmp_path / "db.sqlite3") as plain:
            ((key, value, expires),) = plain.execute('SELECT * FROM "cache table"')
        plain.close()
        assert key.startswith("unhurried:e:")
        assert value == "MQ=="
        assert len(expires) >= len("2026-11-25 04:43:03")

    @pytest.mark.parametrize("zones", [True, False])
    def test_times_do_not_depend_on_the_zone(self, store, zones):
        with override_settings(USE_TZ=zones, TIME_ZONE="Asia/Tokyo"):
            store.set("a", b"1", 60)
            assert store.get_many(["a"]) == {"a": b"1"}
            assert not store.add("a", b"2", 60)

    def test_no_listener_hears_it(self, store):
        store.get_many(["warm"])
        observers.append(listener := Listener())
        try:
            store.set("a", b"1", 60)
            store.get_many(["a"])
            connections["cached"].cursor().execute("SELECT 1")
        finally:
            observers.remove(listener)
        assert listener.heard == ["SELECT 1"]

    def test_an_entry_is_not_rolled_back_with_the_page(self, store):
        with transaction.atomic(using="cached"):
            store.set("a", b"1", 60)
            transaction.set_rollback(True, using="cached")
        assert store.get_many(["a"]) == {"a": b"1"}

    def test_a_page_that_is_writing_does_not_wait_for_itself(self, store, monkeypatch):
        """On SQLite there is one writer, and the cache must not be the second for five seconds."""
        monkeypatch.setattr(_private, "BUSY", 0.2)
        with transaction.atomic(using="cached"):
            connections["cached"].cursor().execute("CREATE TABLE other (id int)")
            began = time.monotonic()
            with pytest.raises(Unavailable, match="locked"):
                store.set("a", b"1", 60)
            assert time.monotonic() - began < 3
        assert store.get_many(["a"]) == {}

    def test_nor_where_the_site_has_said_how_long_to_wait(self, store, monkeypatch):
        options = {"init_command": "PRAGMA busy_timeout = 5000"}
        monkeypatch.setitem(connections["cached"].settings_dict, "OPTIONS", options)
        monkeypatch.setattr(_private, "BUSY", 0.2)
        store._connections.empty()
        with store._connections.lent() as mine:
            assert mine.connection.execute("PRAGMA busy_timeout").fetchone() == (200,)

    def test_connections_last_for_a_request(self, store, monkeypatch):
        monkeypatch.setattr(_private, "_requests", 0)  # other tests may leave responses open
        store.get_many(["a"])
        assert len(store._connections._idle) == 0
        request_started.send(sender=None)
        store.get_many(["a"])
        store.get_many(["a"])
        assert len(store._connections._idle) == 1
        request_finished.send(sender=None)
        assert len(store._connections._idle) == 0

    def test_one_that_has_lent_nothing_asks_for_no_database(self, store, monkeypatch):
        idle = _private.Connections("cached")
        monkeypatch.setattr(idle, "_alias", "one that is gone")
        request_finished.send(sender=None)

    def test_or_as_long_as_djangos(self, store, monkeypatch):
        monkeypatch.setitem(connections["cached"].settings_dict, "CONN_MAX_AGE", 1)
        store.get_many(["a"])
        ((first, _),) = store._connections._idle
        store.get_many(["a"])
        ((again, since),) = store._connections._idle
        assert again is first
        monkeypatch.setattr(_private, "monotonic", lambda: since + 1.1)
        store.get_many(["a"])
        ((another, _),) = store._connections._idle
        assert another is not first

    def test_expired_rows_are_swept_and_djangos_are_left(self, store, monkeypatch, tmp_path):
        monkeypatch.setattr(_database.chance, "randrange", lambda n: 0)
        store.set("a", b"1", 0.01)
        with sqlite3.connect(tmp_path / "db.sqlite3") as plain:
            plain.execute(
                "INSERT INTO \"cache table\" VALUES ('theirs', '', '2000-01-01 00:00:00')"
            )
        plain.close()
        time.sleep(0.02)
        store.set("b", b"1", 60)
        with sqlite3.connect(tmp_path / "db.sqlite3") as plain:
            rows = plain.execute('SELECT cache_key FROM "cache table"').fetchall()
        plain.close()
        assert sorted(key for (key,) in rows) == ["theirs", "unhurried:e::1:b"]

    def test_without_the_table_it_is_unavailable(self, store, tmp_path):
        with sqlite3.connect(tmp_path / "db.sqlite3") as plain:
            plain.execute('DROP TABLE "cache table"')
        plain.close()
        with pytest.raises(Unavailable, match="no such table"):
            store.get_many(["a"])

    def test_a_child_opens_its_own(self, store, monkeypatch):
        monkeypatch.setitem(connections["cached"].settings_dict, "CONN_MAX_AGE", None)
        store.set("a", b"1", 60)
        assert in_child(lambda: len(store.get_many(["a"]))) == 1
        assert store.get_many(["a"]) == {"a": b"1"}


def test_the_dummy_holds_nothing():
    with cache("dummy.DummyCache"):
        store = store_for("default")
        store.set("a", b"1", 60)
        assert store.get_many(["a"]) == {}
        assert store.add("lease", b"me", 60), "nobody has to wait for what is never stored"
        assert not store.set_if("a", b"1", 60, "lease", b"me")
        assert store.get_with_tokens(["a"], ["default:a"]) is None
        store.release("lease", b"me")
        store.delete("a")


def test_a_back_end_nobody_knows_says_the_way_out():
    with (
        override_settings(CACHES={"default": {"BACKEND": f"{__name__}.Unknown"}}),
        pytest.raises(CacheError, match="does not know"),
    ):
        store_for("default")
    with pytest.raises(CacheError, match="CACHES has: default"):
        store_for("defualt")


class Unknown:
    pass


def test_a_subclass_is_known_by_its_base():
    with override_settings(CACHES={"default": {"BACKEND": f"{__name__}.Ours"}}):
        assert isinstance(store_for("default"), MemoryStore)


class Ours(caches["default"].__class__):
    pass


def test_prefix_and_version_keep_entries_apart(tmp_path):
    one = {"BACKEND": f"{BACKENDS}.filebased.FileBasedCache", "LOCATION": str(tmp_path)}
    with override_settings(
        CACHES={
            "default": one,
            "prefixed": {**one, "KEY_PREFIX": "other"},
            "versioned": {**one, "VERSION": 2},
        }
    ):
        for alias in ("default", "prefixed", "versioned"):
            store_for(alias).set("a", alias.encode(), 60)
        for alias in ("default", "prefixed", "versioned"):
            assert store_for(alias).get_many(["a"]) == {"a": alias.encode()}


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("127.0.0.1:11211", ("127.0.0.1", 11211)),
        ("cache.example.com", ("cache.example.com", 11211)),
        ("[::1]:4000", ("::1", 4000)),
        ("[::1]", ("::1", 11211)),
        ("unix:/run/memcached.sock", "/run/memcached.sock"),
        ("/run/memcached.sock", "/run/memcached.sock"),
    ],
)
def test_a_memcached_is_addressed_as_djangos_back_ends_do(location, expected):
    assert address(location) == expected


def test_memcached_takes_whole_seconds_and_dates_beyond_a_month():
    assert [expiry(seconds) for seconds in (0.1, 1, 1.01, MONTH)] == [1, 1, 2, MONTH]
    assert time.time() + MONTH < expiry(MONTH + 1) <= time.time() + MONTH + 2


def test_two_threads_that_ask_for_a_store_at_once_get_the_same():
    with cache("locmem.LocMemCache"):
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(store_for, ["default"] * 8))
        assert len({id(each) for each in found}) == 1
