"""What a stranger found: pages of others, pages that stay old, readers who wait for nobody."""

import asyncio
import os
import signal
import threading
import time
from contextlib import contextmanager

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connection
from django.template import engines
from django.test import AsyncClient, Client, modify_settings, override_settings
from django.utils import timezone

from tests.books.models import Author, Book
from unhurried.cache import cached
from unhurried.cache._pages import _visit
from unhurried.cache._tokens import _home
from unhurried.cache._units import _catalogues
from unhurried.cache._units._unit import loose
from unhurried.later._thread import close_all

from . import attack_site
from . import pages_site as site
from .pages import DJANGO, MIDDLEWARE, OURS, client_of, site_with, status

pytestmark = pytest.mark.django_db(transaction=True)
INSIDE, FIRST = [*DJANGO, OURS], [OURS, *DJANGO]
HERE = attack_site.__name__
WAIT = 10  # seconds, for which who waits for nobody would wait


@contextmanager
def at(middleware, urls=HERE, **own):
    given = {"WAIT": WAIT, "STRICT": False, **own}
    with site_with(middleware, UNHURRIED=given), override_settings(ROOT_URLCONF=urls):
        yield


def until(made, wanted):
    """Ask until the background has made it anew."""
    deadline = time.monotonic() + 15
    while not wanted(found := made()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


@contextmanager
def another_reads_the_catalogue(monkeypatch):
    """A thread that has read it, and holds it until the block is over."""
    _catalogues.forget("default")
    read, go, real = threading.Event(), threading.Event(), _catalogues.read_catalogue

    def slowly(its):
        found = real(its)
        read.set()
        go.wait(30)
        return found

    def reader():
        _catalogues.of(connection)
        close_all()

    monkeypatch.setattr(_catalogues, "read_catalogue", slowly)
    thread = threading.Thread(target=reader)
    thread.start()
    assert read.wait(30)
    try:
        yield
    finally:
        go.set()
        thread.join()


def alice():
    client = Client()
    client.force_login(User.objects.create_user("alice"))
    return client


@pytest.mark.parametrize("way", sorted(MIDDLEWARE))
def test_the_charset_of_a_request_is_no_page(way):
    with at(MIDDLEWARE[way], site.__name__):
        client = client_of(way)
        client.get("/books/?page=2", CONTENT_TYPE="text/plain; charset=cp037")
        assert b"page 2" in client.get("/books/?page=2").content


@pytest.mark.parametrize("way", sorted(MIDDLEWARE))
def test_a_page_is_no_lease(way):
    with at(MIDDLEWARE[way], site.__name__):
        client = client_of(way)
        client.get("/books/?page=1+lease")
        began = time.monotonic()
        client.get("/books/?page=1")
        assert time.monotonic() - began < WAIT / 2
        assert status(client.get("/books/?page=1")) == "hit"


def test_a_value_is_no_lease():
    ran = []

    @cached(600, key="attack_user")
    def username(name):
        ran.append(name)
        return name

    with at(INSIDE):
        username("jacob+lease"), username("jacob"), username("jacob")
    assert ran == ["jacob+lease", "jacob"]


@pytest.mark.parametrize("middleware", [INSIDE, FIRST])
def test_a_header_of_a_decorator_around_a_late_page_is_one_readers(middleware):
    with at(middleware):
        alice().get("/who/")
        assert "X-Who" not in Client().get("/who/")


@pytest.mark.parametrize("middleware", [INSIDE, FIRST])
def test_what_a_decorator_does_to_a_late_page_is_done_to_each_readers(middleware):
    with at(middleware):
        answers = [Client().get("/around/") for _ in range(3)]
    assert [status(each) for each in answers] == ["fwd=miss", "hit", "hit"]
    assert len({each.content for each in answers}) == 1
    assert len({each["X-Around"] for each in answers}) == 3
    for each in answers:
        assert each["Cache-Control"] == "no-cache, max-age=60"
        assert "Cookie" in each["Vary"]
        assert (each["X-Own"], each.cookies["around"].value) == ("own", "yes")
        assert "X-Inner" not in each


@pytest.mark.parametrize("name", ["Mutates", "Heads"])
@pytest.mark.parametrize("middleware", [INSIDE, FIRST])
def test_what_template_response_middleware_does_is_one_readers(middleware, name):
    with at([*middleware, f"{HERE}.{name}"]):
        alice().get("/late/")
        response = Client().get("/late/")
        assert b"alice" not in response.content
        assert "X-Who" not in response


def test_a_coroutine_is_made_anew():
    ran = []

    @cached(600, key="attack_async")
    async def number():
        ran.append(1)
        return len(ran)

    async def both():
        return await number(), await number.refresh()

    assert async_to_sync(both)() == (1, 2)


def test_a_coroutine_is_made_anew_in_the_background():
    ran = []

    @cached(600, key="attack_background", on_change="serve")
    async def number():
        ran.append(1)
        return len(ran)

    async_to_sync(number)()
    number.invalidate()
    until(async_to_sync(number), lambda found: found > 1)


@pytest.mark.parametrize("middleware", [INSIDE, FIRST])
@pytest.mark.parametrize("url", ["/header/", "/both/"])
def test_a_token_in_a_header_is_the_readers(middleware, url):
    with at(middleware):
        for _ in range(2):
            client = Client(enforce_csrf_checks=True)
            token = client.get(url)["X-CSRFToken"]
            assert client.post("/post/", headers={"X-CSRFToken": token}).status_code == 200


@pytest.mark.parametrize("middleware", [INSIDE, FIRST])
def test_the_cookie_that_a_view_makes_sure_of_is_set(middleware):
    with at(middleware):
        for _ in range(2):
            assert "csrftoken" in Client().get("/spa/").cookies


def test_a_folder_that_can_not_be_had_breaks_nothing(monkeypatch):
    def fails(place):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(_home, "is_sqlite", lambda database: False)  # as of PostgreSQL
    monkeypatch.setattr(_home, "prepare", fails)
    with at(INSIDE):
        _home.forget()
        try:
            Author.objects.create(name="x")
            assert Client().get("/counter/").status_code == 200
        finally:
            monkeypatch.undo()
            _home.forget()


def test_a_catalogue_is_not_older_than_the_ddl_that_ended_meanwhile(monkeypatch):
    with another_reads_the_catalogue(monkeypatch):
        connection.ensure_connection()
        connection.connection.execute(
            "CREATE TRIGGER race AFTER INSERT ON books_author "
            "BEGIN UPDATE books_book SET title = 'x'; END"
        )
        _catalogues.forget("default")  # what our guard does at the end of DDL
    try:
        assert "books_book" in _catalogues.of(connection).written({"books_author"})
    finally:
        connection.connection.execute("DROP TRIGGER race")
        _catalogues.forget("default")


def test_a_child_does_not_wait_for_a_thread_of_its_parents(monkeypatch):
    with another_reads_the_catalogue(monkeypatch):
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(10)
            _catalogues.read_catalogue = lambda its: "mine"
            _catalogues.of(connection)
            os._exit(0)
        _, code = os.waitpid(pid, 0)
    assert code == 0


@pytest.mark.parametrize("url", ["/late/", "/discarded/"])
def test_what_is_not_rendered_holds_nobody_up(url):
    with at([*FIRST, f"{HERE}.Replaces"] if url == "/late/" else INSIDE):
        alice().get(url)
        began = time.monotonic()
        Client().get(url)
        assert time.monotonic() - began < WAIT / 2


def test_who_goes_away_while_arriving_holds_nobody_up(monkeypatch):
    look = _visit.look

    def slow(*args, **kwargs):
        found = look(*args, **kwargs)
        time.sleep(0.3)
        return found

    async def both():
        monkeypatch.setattr(_visit, "look", slow)
        task = asyncio.ensure_future(AsyncClient().get("/async/"))
        await asyncio.sleep(0.15)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0.5)
        monkeypatch.setattr(_visit, "look", look)
        began = time.monotonic()
        await AsyncClient().get("/async/")
        return time.monotonic() - began

    with at(INSIDE, site.__name__):
        assert async_to_sync(both)() < WAIT / 2


def test_a_tag_and_a_function_of_one_name():
    @cached(600, key="sidebar")
    def sidebar():
        return {"n": 1}

    loose.set(False)  # as in a command that has read nothing
    tag = '{% load unhurried %}{% cached 600 "sidebar" %}<b>HTML</b>{% endcached %}'
    assert engines["django"].from_string(tag).render({}) == "<b>HTML</b>"
    assert sidebar() == {"n": 1}


def test_a_page_that_leaves_another_language_is_made_anew():
    with at(INSIDE):
        author = site.author()
        Client().get("/german/")
        Book.objects.create(title="x", author=author)
        until(lambda: Client().get("/german/").content, lambda found: found == b"1 books")


def test_what_was_made_at_a_fixed_offset_is_made_anew():
    ran = []

    @cached(600, key="attack_zone", on_change="serve")
    def number():
        ran.append(1)
        return len(ran)

    with timezone.override(timezone.get_fixed_timezone(180)):
        number()
        number.invalidate()
        until(number, lambda found: found > 1)


def test_a_page_that_is_made_now_is_sent(tmp_path):
    place = {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache"}
    place["LOCATION"] = str(tmp_path)
    with override_settings(CACHES={"default": place}), at(FIRST):
        client = Client()  # each has middleware of its own
        before = [client.get("/counter/").content for _ in range(2)][-1]
        attack_site.counter.refresh("http://testserver/counter/")
        assert attack_site.counter.peek("http://testserver/counter/").value != before
        assert client.get("/counter/").content != before


def test_what_says_private_before_a_quoted_quote_is_private():
    with at(INSIDE):
        Client().get("/forbids/")
        assert status(Client().get("/forbids/")) != "hit"


def test_a_site_that_django_remembers_is_not_remembered_for_ever():
    apps = modify_settings(INSTALLED_APPS={"append": "django.contrib.sites"})
    with apps, override_settings(SITE_ID=1):
        from django.contrib.sites.models import Site

        with connection.schema_editor() as editor:
            editor.create_model(Site)
        try:
            Site.objects.create(pk=1, domain="a.example", name="A")
            with at(INSIDE):
                Site.objects.get_current()  # somebody has asked before
                assert Client().get("/named/").content == b"A"
                renamed = Site.objects.get(pk=1)
                renamed.name = "B"
                renamed.save()
                assert Client().get("/named/").content == b"B"
        finally:
            Site.objects.clear_cache()
            with connection.schema_editor() as editor:
                editor.delete_model(Site)
