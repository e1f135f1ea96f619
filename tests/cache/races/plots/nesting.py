"""One kept thing inside another, in Python and in templates; requests."""

from __future__ import annotations

import contextlib
from typing import Any
from unittest import mock

from django.db import DatabaseError, connections
from django.template import engines
from django.test import Client

from .. import urls
from ..models import Author, Book
from ..stage import Pause, Stage, scenario
from ..writes import authors, titles
from .late import transacted
from .transactions import kept_fresh, rename


@scenario
def inner_changed_meanwhile(stage: Stage) -> None:
    """The outer one has taken the inner one from the cache; the inner one's data change."""
    inner = kept_fresh(stage)
    outer, pause = stage.held(lambda: [inner(), len(authors())])
    reading = stage.actor().begin(outer)
    pause.reached()
    stage.once(rename)
    pause.let_go()
    reading.result(20)
    stage.true(outer)


@scenario
def inner_served_old(stage: Stage) -> None:
    """An outer one made with an old inner value, flagged, is not itself fresh."""
    inner, pause = stage.held(titles, on_change="refresh")
    pause.let_go()
    stage.once(inner)
    pause.__init__()
    outer = stage.kept(lambda: [inner(), len(authors())])
    stage.once(rename)
    computing = stage.actor().begin(inner)
    pause.reached()
    assert "renamed" not in stage.once(outer)[0], "it need not be old, but then this shows nothing"
    assert stage.once(outer.peek).state != "fresh"
    pause.let_go()
    computing.result(20)
    assert "renamed" in stage.once(outer)[0]


@scenario
def inner_written_by_outer(stage: Stage) -> None:
    """A function that writes what it has read is true the next time."""

    def read_and_write() -> list[Any]:
        value = titles()
        Author.objects.create(name=f"author {Author.objects.count()}")
        Book.objects.filter(title="first").update(title="written by a cached function")
        return value

    kept = stage.kept(read_and_write)
    stage.once(kept)
    assert "first" not in stage.once(kept)


TEMPLATE = (
    "{% cached 600 name %}{% for each in books %}{{ each.title }},{% endfor %}{% endcached %}"
)


@scenario
def list_before_a_fragment(stage: Stage) -> None:
    """The view loads a list, somebody writes, the template keeps a part with the list in it."""
    name, pause = f"part {stage.name}", Pause()
    template = engines["django"].from_string(TEMPLATE)

    def view() -> str:
        books = list(Book.objects.order_by("pk"))
        pause()
        return template.render({"books": books, "name": name})

    reading = stage.actor(True).begin(view)
    pause.reached()
    stage.once(rename)
    pause.let_go()
    assert "renamed" not in reading.result(20)
    for _ in range(2):
        assert "renamed" in stage.actor(True).do(view)


@scenario
def list_half_read_before_a_fragment(stage: Stage) -> None:
    """The same with a queryset whose rows were fetched by asking whether there are any."""
    name, pause = f"part {stage.name}", Pause()
    template = engines["django"].from_string(TEMPLATE)

    def view() -> str:
        books = Book.objects.order_by("pk")
        bool(books)
        pause()
        return template.render({"books": books, "name": name})

    reading = stage.actor(True).begin(view)
    pause.reached()
    stage.once(rename)
    pause.let_go()
    reading.result(20)
    for _ in range(2):
        assert "renamed" in stage.actor(True).do(view)


@scenario
def fragment_late_store(stage: Stage) -> None:
    """The list is loaded within the kept part, and somebody writes before it is kept."""
    name, pause = f"part {stage.name}", Pause()
    template = engines["django"].from_string(
        TEMPLATE.replace("{% endfor %}", "{% endfor %}{{ stop }}")
    )

    def view() -> str:
        return template.render({"books": Book.objects.order_by("pk"), "name": name, "stop": pause})

    reading = stage.actor(True).begin(view)
    pause.reached()
    stage.once(rename)
    pause.let_go()
    reading.result(20)
    for _ in range(2):
        assert "renamed" in stage.actor(True).do(view)


def got(path: str) -> Any:
    with mock.patch.dict(connections.settings["default"], ATOMIC_REQUESTS=True):
        return Client(raise_request_exception=False).get(path)


@scenario
def atomic_requests(stage: Stage) -> None:
    """A view writes and reads in the request's transaction; others see it after the answer."""
    urls.kept, pause = kept_fresh(stage), Pause()
    urls.stop = pause
    before = stage.once(titles)
    writing = stage.actor().begin(got, "/write/")
    pause.reached()
    assert stage.once(got, "/read/").json() == before
    pause.let_go()
    assert "renamed" in writing.result(20).json()
    assert stage.once(got, "/read/").json() == stage.once(titles) != before
    stage.true(urls.kept)


@scenario
def atomic_request_fails(stage: Stage) -> None:
    """The view raises: its transaction is undone, and nobody sees what it read."""
    urls.kept, urls.stop = stage.kept(titles), Pause()
    urls.stop.let_go()
    assert stage.once(got, "/fail/").status_code == 500
    assert "renamed" not in stage.once(got, "/read/").json()
    stage.true(urls.kept)


@scenario
def list_before_the_writer(stage: Stage) -> None:
    """A reader in a transaction of its own, begun before the writer's and ended after it."""
    reader, writer, kept = stage.actor(True), stage.actor(True), stage.kept(titles)
    with transacted(reader):
        with contextlib.suppress(DatabaseError), transacted(writer):
            writer.do(rename)
            assert "renamed" not in reader.do(kept)
        if stage.vendor != "sqlite":
            assert "renamed" in reader.do(kept)
    stage.true(kept)
