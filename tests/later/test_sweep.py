"""Who asks for what waits: the commit, and the sweep where that was in vain."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import CommandError, call_command
from django.core.signals import request_started
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.test import Client
from django.test.client import ClientHandler

from unhurried import testing
from unhurried.later import LaterError, _drain, _kick, _lanes, later
from unhurried.later._ending import ending
from unhurried.later._outbox import _lease, _sweep, _tables
from unhurried.later._outbox._clock import in_seconds
from unhurried.later._writing import _drain as _writes
from unhurried.later.models import Lane, Waiting
from unhurried.later.reading import drain_now, figures, kick, paused
from unhurried.measure import _errors

from .conftest import WAIT_SECONDS, wait_until
from .inbox import tasks
from .inbox.models import Child, Folder, Message
from .outbox import drained, messages, reasons, waiting


class Youngest(Child):
    class Meta:
        app_label = "inbox"
        proxy = True


TRANSACTIONAL = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def lanes(kicks: _kick.Kicks) -> Iterator[None]:
    """This module's kicks wait for ``drain_now``, and nobody sweeps but who is told to."""
    tasks.calls.clear()
    _drain.install()
    with paused():
        yield


@TRANSACTIONAL
def test_who_commits_asks_and_who_does_not_does_not() -> None:
    with transaction.atomic():
        tasks.note.delay(1)
        assert figures().kicks == 0
    assert figures().kicks == 1
    with transaction.atomic():
        tasks.note.delay(2)
        transaction.set_rollback(True)
    assert figures().kicks == 1
    messages(1)
    later(Message.objects.all()).update(views=1)
    assert drain_now() == ["tasks", "writes"]
    assert tasks.calls == [((1,), {})]
    assert Message.objects.get().views == 1


@TRANSACTIONAL
def test_a_kick_that_fails_is_logged_and_fails_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Django names what it was that failed after a COMMIT: it must have a name."""
    monkeypatch.setattr(_lanes, "_lanes", {})
    messages(1)
    with testing.override(STRICT=True), caplog.at_level(logging.ERROR, logger="django.db"):
        assert later(Message.objects.all()).update(views=3) == 1
    assert "No lane is called 'writes'" in caplog.text


@pytest.mark.django_db
def test_the_sweep_asks_for_what_is_due_and_nobodys() -> None:
    Waiting.objects.all().delete()
    _sweep.look()
    assert figures().kicks == 0
    tasks.note.using(run_after=60).delay(1)
    tasks.note.delay(2)
    Waiting.objects.filter(body__contains="2").update(until=in_seconds(60), holder="another")
    _sweep.look()
    assert figures().kicks == 0
    Waiting.objects.update(until=in_seconds(-0.01), due=in_seconds(-0.01))
    _sweep.look()
    assert drain_now() == ["tasks"]
    assert sorted(args for args, _ in tasks.calls) == [(1,), (2,)]


@pytest.mark.django_db
def test_kicked_ten_times_and_out_of_order_all_is_done_once() -> None:
    messages(1)
    for _ in range(10):
        tasks.note.delay(1)
        later(Message.objects.all()).update(views=F("views") + 1)
        for lane in ("writes", "tasks", "writes"):
            kick(lane)
    for _ in range(10):
        kick("tasks")
        kick("writes")
        drain_now()
    assert len(tasks.calls) == 10
    assert Message.objects.get().views == 10


@pytest.mark.django_db
def test_requests_of_servers_start_the_sweep_and_those_of_test_clients_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(_sweep, "watch", lambda: seen.append(1))
    request_started.send(sender=ClientHandler, environ={})
    Client().get("/nowhere/")
    assert seen == []
    request_started.send(sender=WSGIHandler, environ={})
    request_started.send(sender=ASGIHandler, scope={})
    assert seen == [1, 1]


def test_the_sweeper_looks_again_and_again(
    monkeypatch: pytest.MonkeyPatch, kicks: _kick.Kicks
) -> None:
    looks: list[int] = []
    monkeypatch.setattr(_sweep, "look", lambda: looks.append(1))
    sweeper = _sweep.Sweeper()
    sweeper.watch()
    assert not sweeper.worker.alive  # SWEEP is None in tests
    with testing.override(SWEEP=0.01):
        sweeper.watch()
        assert not sweeper.worker.alive  # while kicks are paused, nobody sweeps
        kicks.paused = 0
        sweeper.watch()
        wait_until(lambda: len(looks) > 2)
    sweeper.worker.stop()
    wait_until(lambda: not sweeper.worker.alive)
    kicks.paused = 1


# Leases


@pytest.mark.django_db
def test_a_lane_has_one_drainer_until_he_is_silent_for_too_long() -> None:
    messages(1)
    later(Message.objects.all()).update(views=1)
    one, two = _lease.LaneLease("default", "a"), _lease.LaneLease("default", "a")
    assert one.taken()
    assert not two.taken()
    assert one.keep()
    Lane.objects.update(until=in_seconds(-0.01))
    assert two.taken()
    one._renewed = 0.0
    assert not one.keep()
    two.release()
    assert one.taken()


@pytest.mark.django_db
def test_a_task_is_claimed_by_one() -> None:
    tasks.note.delay(1)
    (row,) = Waiting.objects.all()
    assert _lease.claimed("default", row, "one")
    assert not _lease.claimed("default", row, "two")
    assert Waiting.objects.get().attempts == 1


@pytest.mark.django_db
def test_two_drainers_who_both_think_they_hold_the_lane_apply_it_once() -> None:
    messages(1)
    later(Message.objects.all()).update(views=F("views") + 1)
    rows = _writes._next("default", "inbox.Message")
    (chunk,) = _writes._chunks(rows)
    drained()
    with pytest.raises(_writes.TakenError):
        _writes._apply("default", chunk)
    assert Message.objects.get().views == 1


@pytest.mark.django_db
def test_nor_what_another_has_taken_out_of_one_write_since_it_was_read() -> None:
    rows = messages(2)
    Message.objects.filter(pk=rows[0].pk).update(views=999)
    later(Message.objects.all()).update(views=F("views") + 1)
    stale = _writes._next("default", "inbox.Message")
    _drain.drain_writes()  # one row is refused and stays; the other is done
    with pytest.raises(_writes.TakenError):
        _writes._apply("default", stale)
    assert Message.objects.get(pk=rows[1].pk).views == 1
    Message.objects.filter(pk=rows[0].pk).update(views=0)
    Waiting.objects.update(due=in_seconds(-0.1))
    drained()
    assert list(Message.objects.values_list("views", flat=True)) == [1, 1]
    assert waiting() == 0


@pytest.mark.django_db
def test_what_was_deferred_while_a_drain_was_ending_is_done_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    messages(1)
    later(Message.objects.all()).update(views=F("views") + 1)
    release = _lease.LaneLease.release

    def late(self: Any) -> None:
        release(self)
        monkeypatch.setattr(_lease.LaneLease, "release", release)
        later(Message.objects.all()).update(views=F("views") + 1)

    monkeypatch.setattr(_lease.LaneLease, "release", late)
    _drain.drain_writes()
    assert Message.objects.get().views == 2


@pytest.mark.django_db
def test_a_lane_that_can_not_now_keeps_no_other_from_its_turn(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    messages(1)
    later(Message.objects.all()).update(views=F("views") + 1)
    later(Folder).create(name="work")
    apply = _writes.apply

    def away(alias: str, label: str, steps: Any) -> int:
        if label == "inbox.Message":
            raise OperationalError("another server is away")
        return apply(alias, label, steps)

    monkeypatch.setattr(_writes, "apply", away)
    monkeypatch.setattr(_errors, "_said", set())
    _drain.drain_writes()
    assert Folder.objects.get().name == "work"
    assert [(row.lane, row.attempts) for row in Waiting.objects.all()] == [("inbox.Message", 0)]
    assert "'default, lane inbox.Message' (OperationalError)" in caplog.text


# The verb


@pytest.mark.django_db
def test_drain_once_ends_when_what_was_due_is_done() -> None:
    messages(1)
    tasks.note.delay(1)
    tasks.fails.delay("ann")
    tasks.note.using(run_after=60).delay(2)
    later(Message.objects.all()).update(views=3)
    out = io.StringIO()
    call_command("unhurried", "drain", "--once", stdout=out)
    assert out.getvalue() == "2 tasks run, 1 deferred writes applied.\n"
    assert waiting() == 2


@pytest.mark.django_db
def test_drain_once_waits_for_what_another_is_working_on() -> None:
    tasks.note.delay(1)
    begun = time.monotonic()
    Waiting.objects.update(until=in_seconds(0.4), holder="another")
    call_command("unhurried", "drain", "--once", stdout=io.StringIO())
    assert time.monotonic() - begun > 0.3
    assert tasks.calls == [((1,), {})]


@pytest.mark.django_db
def test_drain_once_has_an_end_where_tasks_ask_for_others() -> None:
    tasks.again.delay(5)
    call_command("unhurried", "drain", "--once", stdout=io.StringIO())
    assert tasks.calls == [5]
    assert waiting() == 1


@pytest.mark.django_db
def test_drain_once_knows_what_was_due_at_a_whole_second() -> None:
    tasks.note.delay(1)
    table = Waiting._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET due = '2026-11-28 12:00:00.000'")
    drained()
    assert tasks.calls == [((1,), {})]


@pytest.mark.django_db
def test_drain_of_one_lane() -> None:
    messages(1)
    tasks.note.delay(1)
    later(Message.objects.all()).update(views=3)
    out = io.StringIO()
    call_command("unhurried", "drain", "--once", "--lane", "inbox.Message", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"tasks": 0, "writes": 1, "pages": 0, "dead": 0}
    assert waiting() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("label", ["inbox.Child", "inbox.parent", "inbox.Youngest"])
def test_drain_of_the_lane_of_a_model_that_shares_it(label: str) -> None:
    Child.objects.create(name="Ann", toy="ball")
    later(Child.objects.all()).update(toy="kite")
    call_command("unhurried", "drain", "--once", "--lane", label, stdout=io.StringIO())
    assert Child.objects.get().toy == "kite"


@pytest.mark.django_db
@pytest.mark.parametrize("label", ["inbox.Mesage", "inbox.models.Message", "nowhere.Message"])
def test_drain_of_a_model_that_there_is_not(label: str) -> None:
    with pytest.raises(CommandError, match=r"no lane '.*Name a task's lane"):
        call_command("unhurried", "drain", "--once", "--lane", label)


@pytest.mark.django_db
def test_drain_of_a_model_that_is_gone() -> None:
    messages(1)
    later(Message.objects.all()).update(views=1)
    Waiting.objects.update(lane="inbox.Letter", target="inbox.Letter")
    call_command("unhurried", "drain", "--once", "--lane", "inbox.Letter", stdout=io.StringIO())
    assert len(reasons()) == 1


@pytest.mark.django_db
def test_drain_goes_on_until_it_is_told_to_end() -> None:
    tasks.note.delay(1)

    def end() -> None:
        wait_until(lambda: tasks.calls)  # before, SIGTERM would end the tests
        os.kill(os.getpid(), signal.SIGTERM)

    before, ender = signal.getsignal(signal.SIGTERM), threading.Thread(target=end)
    ender.start()
    call_command("unhurried", "drain", stdout=io.StringIO())
    ender.join(WAIT_SECONDS)
    assert tasks.calls == [((1,), {})]
    assert signal.getsignal(signal.SIGTERM) is before
    assert not ending.is_set()


@pytest.mark.django_db
def test_without_tables_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(_tables, "_migrated", set())
    monkeypatch.setattr(_tables, "_missing", {})
    monkeypatch.setattr(connection.introspection, "table_names", list)
    with pytest.raises(CommandError, match="and migrate"):
        call_command("unhurried", "drain", "--once")
    settings.INSTALLED_APPS = [a for a in settings.INSTALLED_APPS if a != "unhurried.later"]
    with pytest.raises(LaterError, match=r'INSTALLED_APPS \+= \["unhurried.later"\]'):
        later(Message.objects.all()).delete()
