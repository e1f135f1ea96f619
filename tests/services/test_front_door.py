"""The front door with its tokens on a server: it asks that each time, and knows nothing without."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from typing import Any

import pytest
import redis
from django.http import Http404, HttpRequest, HttpResponse
from pymemcache import Client

from tests import servers
from tests.books.models import Book
from tests.cache import pages_site as site
from tests.cache.pages import MIDDLEWARE, site_with
from tests.cache.test_front_door import OverASGI, OverWSGI, Site
from unhurried.cache._tokens._home import home_of

from .cache_site import memcached_cache, redis_cache

pytestmark = pytest.mark.django_db(transaction=True)
TAG = "default:books_book"


@contextmanager
def kept_on(kind: str, server: Any) -> Iterator[None]:
    cache = redis_cache(server) if kind == "redis" else memcached_cache(server)
    caches = {"default": {**cache, "KEY_PREFIX": os.urandom(4).hex()}}
    with site_with(MIDDLEWARE["first"], CACHES=caches, UNHURRIED={"TOKENS": "default"}):
        Book.objects.create(title="One", author=site.author())
        yield


@pytest.fixture(params=["redis", "memcached"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[OverWSGI, OverASGI])
def asked(kind: str, request: pytest.FixtureRequest) -> Iterator[Site]:
    with kept_on(kind, request.getfixturevalue(f"{kind}_server")):
        found: Site = request.param()
        found.get("/books/")
        yield found
        del found.door  # a circle: its connections are to be closed before they are collected


def at_the_door(asked: Site) -> bool:
    before = asked.asked
    code, _, body = asked.get("/books/")
    assert (code, body) == (200, b"One page 1")
    return asked.asked == before


def test_it_is_sent_at_the_door(asked: Site) -> None:
    assert [at_the_door(asked) for _ in range(3)] == [True] * 3


def test_whoever_renews_the_token(asked: Site) -> None:
    """Another process: nothing here knows of it but the server."""
    assert at_the_door(asked)
    home_of("default").renew([TAG], 10)
    assert [at_the_door(asked) for _ in range(2)] == [False, True]


def test_what_the_server_has_forgotten(asked: Site, kind: str, request: Any) -> None:
    assert at_the_door(asked)
    server = request.getfixturevalue(f"{kind}_server")
    if kind == "redis":
        with redis.Redis(port=server.port) as client:
            client.flushall()
    else:
        time.sleep(2)  # it counts whole seconds, and what is of this one survives
        with closing(Client((server.host, server.port))) as client:
            client.flush_all(noreply=False)
    assert [at_the_door(asked) for _ in range(2)] == [False, True]


def test_what_is_refused_is_nowhere_ready_any_more(asked: Site) -> None:
    """Nothing of its data has changed: a file, say. Another process has a copy ready."""
    site.told["do"] = lambda request: HttpResponse("here")
    for _ in range(2):
        asked.get("/does/")
    before = asked.asked
    assert asked.get("/does/")[2] == b"here"
    assert asked.asked == before

    def gone(request: HttpRequest) -> HttpResponse:
        raise Http404

    site.told["do"] = gone
    site.does.refresh("/does/")
    assert asked.get("/does/")[0] == 404


@pytest.mark.parametrize("end", ["silent", "gone"])
def test_without_the_server_pages_come_from_django(kind: str, end: str) -> None:
    start = servers.redis if kind == "redis" else servers.memcached
    with start() as server, kept_on(kind, server):
        asked = OverWSGI()
        asked.get("/books/")
        assert at_the_door(asked)
        if end == "gone":
            server.kill()
        try:
            with server.silent() if end == "silent" else nullcontext():
                assert [at_the_door(asked) for _ in range(2)] == [False, False]
        finally:
            del asked.door
