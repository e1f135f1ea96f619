"""Tokens in Redis and memcached: what binds in the protocol, on the real servers."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest

from tests import servers
from tests.measure.children import child, in_child
from tests.services.cache_site import caches, memcached_cache, redis_cache
from unhurried.cache._errors import CacheError, Unavailable
from unhurried.cache._servers import _pool
from unhurried.cache._servers import _redis as redis_module
from unhurried.cache._servers._keys import token_key
from unhurried.cache._servers._memcached import MemcachedServers, memcached_servers
from unhurried.cache._servers._redis import redis_server
from unhurried.cache._tokens._home import home_of
from unhurried.cache._tokens._problems import problems, server_problems

D = 10.0


@pytest.fixture(params=["redis", "memcached"])
def kind(request):
    return request.param


@pytest.fixture
def server(kind, request):
    return request.getfixturevalue(f"{kind}_server")


@pytest.fixture
def home(kind, server, tmp_path):
    """Each test has tags of its own: the server lasts."""
    cache = redis_cache(server) if kind == "redis" else memcached_cache(server)
    with caches(tmp_path, default=cache):
        yield home_of("default")


@pytest.fixture
def tag(request):
    return f"default:{request.node.name}"


def tokens(home, *tags):
    return home.read(tags)[1]


def raw(server, *words):
    """One command, on a connection of its own, as an operator would."""
    with socket.create_connection((server.host, server.port), timeout=5) as connection:
        connection.sendall(" ".join(map(str, words)).encode() + b"\r\n")
        return connection.recv(65536).decode(errors="replace")


def flush(kind, server):
    raw(server, "FLUSHALL" if kind == "redis" else "flush_all")


# The protocol


def test_an_absent_token_is_added_and_is_the_same_from_then_on(home, tag):
    (token,) = tokens(home, tag)
    assert 0 <= token < 2**64
    assert tokens(home, tag, tag + "2")[0] == token
    assert home.read([])[1] == []


def test_an_added_token_has_no_timeout(home, tag, kind, server):
    tokens(home, tag)
    assert lifetime(kind, server, tag) is None


def lifetime(kind, server, tag):
    """Seconds until the token vanishes, None for never; as the server says."""
    key = token_key(tag).decode()
    if kind == "redis":
        left = int(raw(server, "PTTL", key).strip(":\r\n"))
        return None if left == -1 else left / 1000
    left = int(raw(server, "mg", key, "t").split(" t")[1])
    return None if left == -1 else left


def test_a_touched_token_keeps_its_value_until_the_deadline_and_then_vanishes(home, tag):
    before = tokens(home, tag)
    home.touch([tag], 2.0)
    assert tokens(home, tag) == before
    time.sleep(2.2)
    assert tokens(home, tag) != before


def test_touching_adds_an_absent_token_with_the_deadline(home, tag, kind, server):
    home.touch([tag], D)
    assert 0 < lifetime(kind, server, tag) <= D
    first = tokens(home, tag)
    home.touch([tag], 5.0)
    assert tokens(home, tag) == first


def test_reading_does_not_clear_a_deadline(home, tag, kind, server):
    home.touch([tag], D)
    tokens(home, tag)
    assert 0 < lifetime(kind, server, tag) <= D


def test_renewing_sets_a_new_token_which_vanishes_in_its_turn(home, tag, kind, server):
    before = tokens(home, tag)
    home.renew([tag], D)
    after = tokens(home, tag)
    assert after != before
    assert 0 < lifetime(kind, server, tag) <= D


def test_no_token_comes_back(home, tag):
    seen = set()
    for _ in range(50):
        home.touch([tag], D)
        home.renew([tag], D)
        seen |= set(tokens(home, tag))
    assert len(seen) == 50


def test_a_token_that_vanishes_between_the_halves_of_a_touch_is_touched_again(home, tag, kind):
    """SET NX finds it, it expires, PEXPIRE finds nothing: a touch that touched nothing."""
    module = redis_module.RedisLink if kind == "redis" else memcached_link()
    name = "ask" if kind == "redis" else "lines"
    real, calls = getattr(module, name), []

    def unlucky(self, *commands):
        calls.append(commands)
        told = real(self, *commands)
        if len(calls) == 1:
            nothing = [None, 0] if kind == "redis" else [b"NOT_STORED", b"NOT_FOUND"]
            return nothing + told[2:]
        return told

    tokens(home, tag)
    setattr(module, name, unlucky)
    try:
        home.touch([tag, tag + "2"], D)
    finally:
        setattr(module, name, real)
    assert len(calls) == 2
    assert len(calls[1] if kind == "redis" else calls[1][0]) == 2, "only the one that vanished"


def memcached_link():
    from unhurried.cache._servers._memcached import MemcachedLink

    return MemcachedLink


@pytest.mark.parametrize("action", ["read", "touch", "renew"])
def test_each_is_one_round_trip_however_many_tags(home, tag, kind, action):
    tags = [f"{tag}:{i}" for i in range(50)]
    home.read(tags)
    with counted() as trips:
        {"read": home.read, "touch": late(home.touch), "renew": late(home.renew)}[action](tags)
    assert trips == ["sent"]


def test_a_check_says_what_reading_says(home, tag, tmp_path):
    """In one round trip, as often as one likes; a server that is silent vouches for nothing."""
    names = [f"{tag}:{i}" for i in range(11)]
    world, read = home.read(names)
    valid = home.check(world, dict(zip(names, read, strict=True)))
    other_world = home.check("another", dict(zip(names, read, strict=True)))
    with counted() as trips:
        assert valid()
    assert trips == ["sent"]
    assert not other_world()
    home.touch(names[3:4], D)
    assert valid()
    home.renew(names[3:4], D)
    assert not valid()


def late(method):
    return lambda tags: method(tags, D)


@contextmanager
def counted():
    """One word for each time something is sent."""
    trips = []
    module = redis_module.RedisLink
    replies, speak = module._said, memcached_link()._speak

    def noted_replies(self, *said):
        trips.append("sent")
        return replies(self, *said)

    def noted_speak(self, words, listen):
        trips.append("sent")
        return speak(self, words, listen)

    module._said, memcached_link()._speak = noted_replies, noted_speak
    try:
        yield trips
    finally:
        module._said, memcached_link()._speak = replies, speak


def test_any_tag_has_a_key(home):
    names = ["default:Ünïcode table", "name:with blank\r\nflush_all", "default:" + "x" * 500]
    names += ["#" * 41, "name:" + "\ud800"]
    read = tokens(home, *names)
    assert len(set(read)) == len(names)
    home.renew(names[:1], D)
    assert tokens(home, *names)[1:] == read[1:]


def test_neither_prefix_nor_version_parts_the_tokens(kind, server, tmp_path, tag):
    """A release that bumps VERSION writes the same tables as the one it replaces."""
    make = redis_cache if kind == "redis" else memcached_cache
    with caches(tmp_path, default=make(server)):
        old = tokens(home_of("default"), tag)
    with caches(tmp_path, default=make(server, KEY_PREFIX="new", VERSION=2)):
        assert tokens(home_of("default"), tag) == old


# Failure


def test_a_flushed_server_only_over_invalidates(home, tag, kind, server):
    before = tokens(home, tag)
    flush(kind, server)
    after = tokens(home, tag)
    assert after != before
    assert tokens(home, tag) == after


@pytest.fixture
def own_server(kind):
    with getattr(servers, kind)() as server:
        yield server


def test_a_stopped_server_is_unavailable_and_back_when_it_is(kind, tmp_path, monkeypatch):
    with freed_port() as port:
        gone = servers.Server(0, port, tmp_path)
        cache = redis_cache(gone) if kind == "redis" else memcached_cache(gone)
    with caches(tmp_path, default=cache):
        home = home_of("default")
        for call in (late(home.touch), late(home.renew), home.read):
            with pytest.raises(Unavailable):
                call(["a"])
        monkeypatch.setattr(servers, "free_port", lambda: port)
        with getattr(servers, kind)():
            home.renew(["a"], D)  # a write tries each time
            assert tokens(home, "a")


@contextmanager
def freed_port():
    yield servers.free_port()


def test_a_restarted_server_is_another_world(kind, tmp_path, monkeypatch):
    port = servers.free_port()
    monkeypatch.setattr(servers, "free_port", lambda: port)
    cache = (redis_cache if kind == "redis" else memcached_cache)(servers.Server(0, port, tmp_path))
    with caches(tmp_path, default=cache):
        home = home_of("default")
        with getattr(servers, kind)():
            before = home.read(["a"])
        with pytest.raises(Unavailable):
            home.touch(["a"], D)
        time.sleep(1.1)  # memcached tells its start by the second
        with getattr(servers, kind)():
            after = home.read(["a"])
    assert after[0] != before[0]
    assert after[1] != before[1]


def test_idle_connections_of_a_restarted_server_are_not_in_the_way(kind, tmp_path, monkeypatch):
    """All of them are closed, and a write must not fail for it."""
    port = servers.free_port()
    monkeypatch.setattr(servers, "free_port", lambda: port)
    cache = (redis_cache if kind == "redis" else memcached_cache)(servers.Server(0, port, tmp_path))
    with caches(tmp_path, default=cache):
        home = home_of("default")
        with getattr(servers, kind)():
            together(lambda: home.read(["a"]), 8)
        with getattr(servers, kind)():
            home.renew(["a"], D)
            home.touch(["a"], D)
            together(lambda: home.read(["a"]), 8)


def together(work, count):
    """At the same time, and none may raise."""
    failed = []
    ready = threading.Barrier(count)

    def run():
        ready.wait()
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert failed == []


def test_a_server_that_says_nothing_is_left_alone(kind, own_server, tmp_path, monkeypatch):
    """One page waits a second; the next do not wait, until the rest is over."""
    monkeypatch.setattr(_pool, "REST", 60.0)
    cache = (redis_cache if kind == "redis" else memcached_cache)(own_server)
    with caches(tmp_path, default=cache):
        home = home_of("default")
        home.read(["a"])
        with own_server.silent():
            with pytest.raises(Unavailable):
                home.read(["a"])
            with counted() as trips, pytest.raises(Unavailable, match="a moment ago"):
                home.read(["a"])
            assert trips == []
            with pytest.raises(Unavailable):
                home.renew(["a"], D)  # asks nevertheless
        home.renew(["a"], D)
        assert home.read(["a"])


def test_what_was_said_to_a_slow_server_is_not_taken_for_the_next_answer(
    kind, own_server, tmp_path
):
    """The reply that came too late must not be read as that of the next question."""
    cache = (redis_cache if kind == "redis" else memcached_cache)(own_server)
    with caches(tmp_path, default=cache):
        home = home_of("default")
        a, b = tokens(home, "a", "b")
        with own_server.silent(), pytest.raises(Unavailable):
            home.read(["a"])
        home.touch(["x"], D)
        assert tokens(home, "b") == [b]
        assert tokens(home, "a") == [a]


def test_an_interrupt_in_the_middle_closes_the_connection(home, tag, kind, monkeypatch):
    """Whatever stops a talk half way: a signal's exception, a greenlet that is killed."""
    a, b = tokens(home, tag, tag + "2")
    link = redis_module.RedisLink if kind == "redis" else memcached_link()
    name = "_reply" if kind == "redis" else "_values"
    real = getattr(link, name)

    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(link, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        home.read([tag])
    monkeypatch.setattr(link, name, real)
    assert tokens(home, tag + "2", tag) == [b, a]


def test_twenty_threads_share_the_connections(home, tag):
    mine = {f"{tag}:{i}": tokens(home, f"{tag}:{i}") for i in range(20)}
    wrong = []

    def work():
        for name, token in mine.items():
            if tokens(home, name) != token:
                wrong.append(name)

    together(work, 20)
    assert wrong == []


def test_a_child_does_not_speak_on_its_parents_connection(home, tag):
    a, b = tokens(home, tag, tag + "2")

    def work(link):
        for _ in range(200):
            assert tokens(home, tag) == [a]
        return True

    with child(work) as forked:
        for _ in range(200):
            assert tokens(home, tag + "2") == [b]
        assert forked.result()
    assert in_child(lambda: tokens(home, tag)) == [a]


def test_a_key_that_holds_something_else_is_no_token(home, tag, kind, server):
    key = token_key(tag).decode()
    raw(server, "SET", key, "x") if kind == "redis" else raw(server, "set", key, "0 0 1\r\nx")
    with pytest.raises(Unavailable, match="does not keep tokens"):
        home.read([tag])


# Redis alone


@pytest.fixture
def redis_with(tmp_path, monkeypatch):
    """redis_with("--option", …): one of its own, whose folder outlives it."""
    folder = tmp_path / "redis"
    folder.mkdir()

    @contextmanager
    def run(*options, port=None):
        port = port or servers.free_port()
        argv = [servers.executable("redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
        argv += ["--dir", str(folder), *(options or ("--save", ""))]
        with servers._running(argv, port, folder) as server:
            yield server

    return run


def test_a_redis_restored_from_disk_is_another_world(redis_with, tmp_path):
    """The old tokens are there again; the entries of then are of the other world."""
    disk, backup = tmp_path / "redis" / "dump.rdb", tmp_path / "backup"
    with redis_with("--save", "3600 1000") as server, caches(tmp_path, default=redis_cache(server)):
        before = home_of("default").read(["a"])
        assert "OK" in raw(server, "SAVE")
        shutil.copy(disk, backup)
        home_of("default").renew(["a"], D)
    shutil.copy(backup, disk)
    again = redis_with("--save", "3600 1000", port=server.port)
    with again as server, caches(tmp_path, default=redis_cache(server)):
        after = home_of("default").read(["a"])
    assert after[1] == before[1], "restored, or the test tests nothing"
    assert after[0] != before[0]


def test_a_reload_of_its_own_disk_loses_nothing(redis_with, tmp_path):
    own = redis_with("--save", "", "--enable-debug-command", "yes")
    with own as server, caches(tmp_path, default=redis_cache(server)):
        home = home_of("default")
        home.read(["a"])
        home.renew(["a"], D)
        now = home.read(["a"])
        assert "OK" in raw(server, "DEBUG", "RELOAD")
        assert home.read(["a"]) == now


def test_a_replica_is_refused(redis_with, tmp_path, redis_server):
    """It may not yet know of a renewal."""
    with redis_with() as replica:
        raw(replica, "REPLICAOF", redis_server.host, redis_server.port)
        with (
            caches(tmp_path, default=redis_cache(replica)),
            pytest.raises(Unavailable, match="prim"),
        ):
            home_of("default").read(["a"])


def test_a_primary_that_becomes_a_replica_is_found_out(
    redis_with, tmp_path, redis_server, monkeypatch
):
    """Its connections stay open, its run_id stays the same, its tokens are those of the other."""
    monkeypatch.setattr(redis_module, "RECHECK", 0.0)
    with redis_with() as server, caches(tmp_path, default=redis_cache(server)):
        home = home_of("default")
        home.read(["a"])
        raw(server, "REPLICAOF", redis_server.host, redis_server.port)
        with pytest.raises(Unavailable):
            home.read(["a"])


def test_looking_for_the_role_is_no_round_trip_of_its_own(redis_with, tmp_path, monkeypatch):
    monkeypatch.setattr(redis_module, "RECHECK", 0.0)
    with redis_with() as server, caches(tmp_path, default=redis_cache(server)):
        home = home_of("default")
        home.read(["a"])
        with counted() as trips:
            home.read(["a"])
        assert trips == ["sent"]


def test_a_user_that_may_not_ask_for_the_world_does_without(redis_with, tmp_path):
    with redis_with("--save", "3600 1") as server:
        rights = "~unhurried:* +get +set +mget +del +pexpire +select"
        raw(server, "ACL", "SETUSER", "site", "on", ">secret", rights)
        cache = redis_cache(server)
        cache["LOCATION"] = f"redis://site:secret@127.0.0.1:{server.port}/0"
        with caches(tmp_path, default=cache):
            home = home_of("default")
            world, read = home.read(["a"])
            assert world == ""
            home.touch(["a"], D)
            home.renew(["a"], D)
            assert tokens(home, "a") != read
            assert [kind for kind, _, _ in server_problems()] == ["persistent"]


def test_one_that_writes_nothing_to_disk_need_not_tell(redis_with, tmp_path):
    with redis_with("--save", "", "--appendonly", "no") as server:
        raw(server, "ACL", "SETUSER", "site", "on", ">secret", "~* +@all -info")
        cache = redis_cache(server, OPTIONS={"username": "site", "password": "secret"})
        with caches(tmp_path, default=cache):
            assert home_of("default").read(["a"])[0] == ""
            assert list(server_problems()) == []


def test_one_that_tells_has_no_problem_and_one_that_is_not_there_has(redis_server, tmp_path):
    with caches(tmp_path, default=redis_cache(redis_server)):
        assert list(problems()) == list(server_problems()) == []
    gone = servers.Server(0, servers.free_port(), tmp_path)
    with caches(tmp_path, default=redis_cache(gone)):
        assert [kind for kind, _, _ in server_problems()] == ["unreachable"]


def test_a_full_redis_refuses_and_that_is_unavailable(redis_with, tmp_path):
    full = redis_with("--save", "", "--maxmemory", "1")
    with full as server, caches(tmp_path, default=redis_cache(server)):
        home = home_of("default")
        for call in (home.read, late(home.touch), late(home.renew)):
            with pytest.raises(Unavailable, match="maxmemory"):
                call(["a"])


def test_evicting_tokens_is_safe(redis_with, tmp_path):
    """maxmemory-policy allkeys-*: what is lost is added anew, with another value."""
    limit = ("--maxmemory", "2500kb", "--maxmemory-policy", "allkeys-random")
    with redis_with("--save", "", *limit) as server, caches(tmp_path, default=redis_cache(server)):
        home = home_of("default")
        tags = [f"default:{i}" for i in range(20)]
        first = dict(zip(tags, tokens(home, *tags), strict=True))
        for i in range(3000):
            home.server.ask(("SET", f"filler:{i}", b"x" * 1000))
        again = dict(zip(tags, tokens(home, *tags), strict=True))
        lost = [tag for tag in tags if first[tag] != again[tag]]
        assert lost
        assert tokens(home, *tags) == list(again.values())


def test_the_first_of_several_locations_is_the_primary(redis_server, tmp_path):
    cache = redis_cache(redis_server)
    gone = f"redis://127.0.0.1:{servers.free_port()}"
    for places in ([cache["LOCATION"], gone], f"{cache['LOCATION']};{gone}"):
        with caches(tmp_path, default={**cache, "LOCATION": places}):
            assert home_of("default").read(["a"])


def test_options_reach_the_connection(redis_server, tmp_path):
    """Of Django's back end and of django-redis."""
    for options in (
        {"db": 3, "pool_class": "redis.BlockingConnectionPool", "socket_timeout": 0.7},
        {"CLIENT_CLASS": "django_redis.client.DefaultClient", "DB": 3, "SOCKET_TIMEOUT": 0.7},
        {"CONNECTION_POOL_KWARGS": {"db": 3, "socket_timeout": 0.7, "max_connections": 5}},
    ):
        cache = redis_cache(redis_server, OPTIONS=options)
        cache["LOCATION"] = f"redis://127.0.0.1:{redis_server.port}"
        with caches(tmp_path, default=cache):
            tokens(home_of("default"), "default:in three")
            connection = redis_server_connection("default")
            assert connection.db == 3
            assert connection.socket_timeout == 0.7
            assert connection.socket_connect_timeout == 0.5


def redis_server_connection(alias):
    return redis_server(alias).talk(lambda link: link._connection)


@pytest.mark.parametrize(
    "options",
    [
        {"CLIENT_CLASS": "django_redis.client.SentinelClient"},
        {"CLIENT_CLASS": "django_redis.client.ShardClient"},
        {"pool_class": "redis.sentinel.SentinelConnectionPool"},
        {"no such option": 1},
    ],
)
def test_options_we_cannot_honour_are_an_error(redis_server, tmp_path, options):
    with caches(tmp_path, default=redis_cache(redis_server, OPTIONS=options)):
        with pytest.raises(CacheError) as caught:
            home_of("default")
        assert caught.value.hint
        assert [kind for kind, _, _ in problems()] == ["unfit"]


def test_a_valkey_address_is_one_of_redis(redis_server, tmp_path):
    cache = redis_cache(redis_server, LOCATION=f"valkey://127.0.0.1:{redis_server.port}/0")
    with caches(tmp_path, default=cache):
        assert home_of("default").read(["a"])


# memcached alone


def test_tags_have_their_place_on_several_servers_for_good(memcached_server, tmp_path):
    """One of them is gone: its tags are unavailable, and do not move to the other."""
    with (
        servers.memcached() as other,
        caches(tmp_path, default=memcached_cache(memcached_server, other)),
    ):
        home = home_of("default")
        tags = [f"default:several{i}" for i in range(20)]
        before = dict(zip(tags, tokens(home, *tags), strict=True))
        home.touch(tags, D)
        assert tokens(home, *tags) == list(before.values())
        there = [tag for tag in tags if str(other.port) in place(home.servers, tag)]
        here = [tag for tag in tags if tag not in there]
        assert here
        assert there
        with other.silent():
            for tag in there[:2]:
                with pytest.raises(Unavailable):
                    home.read([tag])
            assert tokens(home, *here) == [before[tag] for tag in here]
            with pytest.raises(Unavailable):
                home.renew(tags, D)
        for tag in here:  # those that could be renewed were
            assert tokens(home, tag) != [before[tag]]


def place(found: MemcachedServers, tag: str) -> str:
    return found.pool(token_key(tag)).name


def test_a_socket_in_the_file_system(tmp_path):
    path = tmp_path / "memcached.sock"
    argv = [servers.executable("memcached"), "-s", str(path), "-a", "666", "-u", "nobody"]
    tmp_path.chmod(0o777)
    for parent in list(tmp_path.parents)[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + 10
            while not path.exists() and time.monotonic() < until:
                time.sleep(0.02)
            cache = {"BACKEND": f"{'django.core.cache.backends'}.memcached.PyLibMCCache"}
            with caches(tmp_path, default={**cache, "LOCATION": f"unix:{path}"}):
                assert home_of("default").read(["a"])[0].startswith(f"{process.pid}:")
        finally:
            process.terminate()


def test_the_address_is_read_as_djangos_back_ends_do(tmp_path):
    gone = {"BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache"}
    nowhere = caches(tmp_path, default={**gone, "LOCATION": ""})
    with nowhere, pytest.raises(CacheError, match="LOCATION"):
        memcached_servers("default")
