"""Slides 33 to 40, rule 3: what can wait does, and nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path

from tests.later.inbox import tasks
from tests.later.inbox.models import Message
from unhurried import testing
from unhurried.later import _drain, later
from unhurried.later.reading import drain, drain_now, paused, problems, write_read_ratio

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]


def page(request: HttpRequest) -> HttpResponse:
    mark(Message.objects.all())
    return HttpResponse()


urlpatterns = [path("page/", page)]


@pytest.fixture(autouse=True)
def nobody_works() -> Iterator[None]:
    """But who is told to."""
    _drain.install()
    tasks.calls.clear()
    with paused():
        yield
        drain_now()


def asked(function: Any) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        function()
    return [query["sql"] for query in captured.captured_queries]


@pytest.mark.parametrize("name", ["thread", "tasks:default", "celery"])
def test_37_one_setting_says_who_works(name: str, settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    with testing.override(LATER=name):
        assert [kind for kind, *_ in problems()] in ([], ["app"])  # no app of Celery's in here
        tasks.note.delay(name)
        drain(once=True)
    assert tasks.calls == [((name,), {})]


def test_38_what_this_database_is_asked(store: Any) -> None:
    with testing.override(STORE=store):
        Message.objects.create(text="hello")
        Client().get("/page/")
        (ratio,) = write_read_ratio()
    assert ratio.alias == "default"
    assert ratio.writes > 0
    assert ratio.reads > 0
    assert ratio.cost is not None
    assert ratio.cost > 0


def test_39_the_line_needs_no_task() -> None:
    Message.objects.create(text="hello")
    messages = Message.objects.filter(received=False)
    assert len(messages) == 1
    assert not any(sql.startswith("UPDATE") for sql in asked(lambda: mark(messages)))
    drain(once=True)
    assert Message.objects.get().received


def mark(messages: Any) -> None:
    later(messages).update(received=True)


def test_39_what_is_received_already_is_not_written() -> None:
    Message.objects.create(text="hello", received=True)
    messages = Message.objects.all()
    assert len(messages) == 1
    assert asked(lambda: mark(messages)) == []


def test_40_the_task_as_it_is_written() -> None:
    Message.objects.create(text="hello")
    messages = Message.objects.all()
    tasks.mark_received.delay(messages.values_list("id", flat=True))
    drain(once=True)
    assert Message.objects.get().received
