"""Beside locks that others hold, on PostgreSQL; run by test_later_postgres."""

from __future__ import annotations

import threading

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.models import F

from unhurried.later import _drain, later
from unhurried.later._outbox import _lease
from unhurried.later._outbox._clock import in_seconds
from unhurried.later._writing._drain import drain_lane
from unhurried.later.models import Waiting
from unhurried.later.reading import paused

from .conftest import wait_until
from .inbox import tasks
from .inbox.models import Message
from .outbox import drained_once, due_now, messages, reasons, waiting


@pytest.mark.django_db(transaction=True)
def test_one_that_is_only_held_is_not_buried_with_one_that_is_refused() -> None:
    _drain.install()
    [held], [refused] = messages(1), messages(1, views=900)  # below 1000, says the database
    both = Message.everything.filter(pk__in=[held.pk, refused.pk])
    with paused():  # nobody but us applies it
        later(both).update(views=F("views") + 500)
        drain_beside_a_holder(held)
        held.refresh_from_db(from_queryset=Message.everything.all())
        assert (held.views, reasons()) == (500, [])
        for _ in range(2):
            due_now()
            drained_once()
    assert len(reasons()) == 1


def drain_beside_a_holder(held: Message) -> None:
    """Three times while another holds the row, and then once more."""
    locked, free = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(Message.everything.select_for_update().filter(pk=held.pk))
            locked.set()
            free.wait(30)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(10)
    try:
        for _ in range(3):
            due_now()
            drained_once()
    finally:
        free.set()
        holder.join()
    due_now()
    drained_once()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("users", "deadlocks"), [((1, 2), 0), ((2, 1), 1)])
def test_unique_calls_hold_what_they_are_known_by_until_the_commit(
    users: tuple[int, int], deadlocks: int
) -> None:
    """rules/later.md: who delays several in one transaction does so in one order everywhere."""
    failed: list[OperationalError] = []

    def other() -> None:
        try:
            with transaction.atomic():
                tasks.digest.delay(users[0])
                tasks.digest.delay(users[1])
        except OperationalError as error:
            failed.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=other)
    _drain.install()
    with paused():
        try:
            with transaction.atomic():
                tasks.digest.delay(1)
                thread.start()
                wait_until(somebody_waits)
                tasks.digest.delay(2)
        except OperationalError as error:
            failed.append(error)
        thread.join()
        assert len(failed) == deadlocks
        assert waiting() == 2


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_a_lease_outlives_the_connection_that_renews_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """rules/later.md: another runs the task from the start only if its worker falls silent."""
    monkeypatch.setattr(_lease, "BEAT", 0.05)
    _drain.install()
    with paused():
        tasks.note.delay(1)
        (row,) = Waiting.objects.all()
        assert _lease.claimed("default", row, "one")
        with _lease.alive("default", row.pk, "one"):
            wait_until(ended_others)
            Waiting.objects.update(until=in_seconds(0))
            wait_until(lambda: not Waiting.objects.filter(_lease.FREE).exists())


def ended_others() -> int:
    """How many connections to this database the server has ended, but for this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid != pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_drain_of_one_lane_outlives_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """rules/later.md: nothing is counted against the work; it is tried again."""
    _drain.install()
    messages(1)

    def ended(alias: str, lane: str) -> None:
        monkeypatch.setattr(_drain, "drain_lane", drain_lane)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with paused():
        later(Message.objects.all()).update(views=F("views") + 1)
        monkeypatch.setattr(_drain, "drain_lane", ended)
        _drain.drain(once=True, only="inbox.Message")
    assert Message.objects.get().views == 1
