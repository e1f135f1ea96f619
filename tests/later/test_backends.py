"""One suite, whoever works: what waits is done alike by a thread, by tasks-db and by Celery.

Each backend gets its kicks by its own broker and serialisation; the worker's part is done in this
thread, since the database of this suite is in memory. Real workers are in ``tests/services``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import celery
import pytest
from django.core.management import call_command
from django.db import transaction
from django.db.models import F

from unhurried import testing
from unhurried.later import _brokers, _celery, _drain, _kick, later
from unhurried.later.models import Dead, Waiting
from unhurried.later.reading import drain_now

from .inbox import tasks
from .inbox.models import Message, Ticket
from .outbox import due_now, messages

pytestmark = pytest.mark.django_db(transaction=True)
Works = Callable[[], list[str]]

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}


def thread() -> Iterator[Works]:
    yield drain_now


def tasks_db() -> Iterator[Works]:
    """Kicks are rows of its table; its own command runs them, and ends when there are none."""

    def work() -> list[str]:
        sent = _sent()
        call_command("db_worker", batch=True, interval=0, verbosity=0, startup_delay=False)
        return sent

    yield work


def through_celery() -> Iterator[Works]:
    """Kicks are messages of a broker in memory; each is taken from it and run as a worker does."""
    app = celery.Celery("suite", broker="memory://", set_as_current=False)
    app.conf.task_default_queue = "suite"
    _celery._app = app
    app.finalize()

    def work() -> list[str]:
        sent = _sent()
        with app.connection() as connection, connection.SimpleQueue("suite") as queue:
            while queue.qsize():
                message = queue.get(timeout=5)
                args, kwargs, _ = message.payload
                message.ack()
                app.tasks[message.headers["task"]](*args, **kwargs)
        return sent

    yield work
    _celery._app = None


def _sent() -> list[str]:
    """What the thread that speaks with brokers does, here."""
    found = _kick._kicks.pending.take()
    for lane, label in found:
        assert _brokers.broker(_brokers.chosen()).send(lane, label)
        _kick._kicks.pending.taken(lane)
    return [lane for lane, _ in found]


BACKENDS = {"thread": thread, "tasks:default": tasks_db, "celery": through_celery}


@pytest.fixture(params=BACKENDS)
def works(
    request: pytest.FixtureRequest, settings: Any, kicks: _kick.Kicks, monkeypatch: Any
) -> Iterator[Works]:
    """Works off what was asked for, by that backend; the lanes it was asked for by."""
    tasks.calls.clear()
    _drain.install()
    settings.TASKS = TASKS
    # Nobody else sends or drains.
    monkeypatch.setattr(kicks.sender, "wake", lambda: True)
    monkeypatch.setattr(kicks.drainer, "wake", lambda: True)
    with testing.override(LATER=request.param):
        yield from BACKENDS[request.param]()


def test_a_task_and_a_write_are_done(works: Works) -> None:
    rows = messages(3)
    with transaction.atomic():
        tasks.mark_received.delay(Message.objects.values_list("id", flat=True))
        later(Message.objects.filter(pk=rows[0].pk)).update(views=F("views") + 2)
        later(Ticket).create(title="made")
    assert sorted(set(works())) == ["tasks", "writes"]
    assert Message.objects.filter(received=True).count() == 3
    assert Message.objects.get(pk=rows[0].pk).views == 2
    assert Ticket.objects.get().title == "made"
    assert not Waiting.objects.exists()


def test_a_rollback_asks_nobody(works: Works) -> None:
    messages(1)
    with transaction.atomic():
        tasks.note.delay(1)
        later(Message.objects.all()).update(views=1)
        transaction.set_rollback(True)
    assert works() == []
    assert tasks.calls == []


def test_kicks_that_come_again_find_nothing(works: Works) -> None:
    messages(1)
    later(Message.objects.all()).update(views=F("views") + 1)
    works()
    for _ in range(3):
        _kick.kick("writes")
        works()
    assert Message.objects.get().views == 1


def test_what_fails_is_tried_again_and_laid_aside(works: Works) -> None:
    tasks.fails.delay("ann")
    for _ in range(3):
        works()
        due_now()
        _kick.kick("tasks")
    works()
    assert tasks.calls == ["ann"] * 3
    assert Dead.objects.get().target == tasks.fails.name


def test_a_task_may_ask_for_another(works: Works) -> None:
    messages(1)
    tasks.again.delay(2)
    for _ in range(3):
        works()
    assert tasks.calls == [2, 1, 0]


def test_it_is_applied_in_order(works: Works) -> None:
    messages(1)
    for value in (3, 1, 2):
        later(Message.objects.all()).update(views=value)
    works()
    assert Message.objects.get().views == 2


def test_unique_calls_are_one(works: Works) -> None:
    for _ in range(3):
        tasks.digest.delay(7)
    works()
    assert tasks.calls == [7]
