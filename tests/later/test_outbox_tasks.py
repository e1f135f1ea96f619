"""Tasks: written down with their transaction, run at least once, tried again, laid aside."""

from __future__ import annotations

import datetime
import sys
import uuid
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import models, transaction
from django.utils.safestring import mark_safe

from unhurried.later import LaterError, _drain, _lanes, task
from unhurried.later._drain import drain
from unhurried.later._outbox import _dead, _lease
from unhurried.later._outbox._clock import in_seconds
from unhurried.later._task import _running, _task
from unhurried.later.models import Dead, Waiting
from unhurried.measure import snapshot

from .inbox import tasks
from .inbox.models import Message, Ticket
from .outbox import drained, due_now, messages, reasons, statements, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def calls() -> list[Any]:
    tasks.calls.clear()
    return tasks.calls


def test_slide_40_as_it_is_written(calls: list[Any]) -> None:
    rows = messages(3)
    unread = Message.objects.filter(received=False)
    tasks.mark_received.delay(unread.values_list("id", flat=True))
    assert Message.objects.filter(received=True).count() == 0
    drained()
    assert Message.objects.filter(received=True).count() == 3
    assert calls == [[row.pk for row in rows]]
    assert waiting() == 0


def test_called_as_it_is_it_runs_at_once(calls: list[Any]) -> None:
    tasks.note(1, two=2)
    assert calls == [((1,), {"two": 2})]
    assert waiting() == 0


def test_an_evaluated_queryset_costs_no_query_but_the_insert() -> None:
    messages(3)
    ids = Message.objects.values_list("id", flat=True)
    list(ids)
    (asked,) = statements(lambda: tasks.mark_received.delay(ids))
    assert asked.startswith("INSERT")
    rows = Message.objects.all()
    list(rows)
    assert len(statements(lambda: tasks.note.enqueue(rows))) == 1


def test_of_rows_that_are_not_loaded_only_keys_are_asked_for() -> None:
    messages(3)
    asked = statements(lambda: tasks.note.delay(Message.objects.all()))
    assert len(asked) == 2
    assert "received" not in asked[0].split("FROM")[0]


def test_arguments_come_through(calls: list[Any]) -> None:
    (row,) = messages(1)
    ticket = Ticket.objects.create(title="t")
    plain = {"a": [1, 2.5, None, True, "x", {"b": []}]}
    tasks.note.delay(plain, (1, 2), row, tickets=Ticket.objects.all())
    drained()
    (((first, second, third), kwargs),) = calls
    assert (first, second, third) == (plain, [1, 2], row)
    assert kwargs == {"tickets": [ticket]}


class Status(models.TextChoices):
    PAID = "paid"


class Level(models.IntegerChoices):
    HIGH = 2


def test_members_and_safe_texts_come_through_as_what_they_are_worth(calls: list[Any]) -> None:
    tasks.note.delay(Status.PAID, Level.HIGH, mark_safe("<b>"), {Status.PAID: True})
    drained()
    (((*args, counts), _),) = calls
    assert args == ["paid", 2, "<b>"]
    assert [type(each) for each in args] == [str, int, str]
    assert counts == {"paid": True}


def test_a_member_and_its_value_are_one_unique_call() -> None:
    tasks.digest.delay(Level.HIGH)
    tasks.digest.delay(2)
    assert waiting() == 1


def test_values_of_querysets_come_through_as_what_they_are(calls: list[Any]) -> None:
    noon = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)
    messages(1, price=Decimal("1.50"), seen=noon, day=noon.date())
    ticket = Ticket.objects.create(title="t")
    tasks.note.delay(
        Message.objects.values_list("price", "seen"),
        Message.objects.values("day"),
        Ticket.objects.values_list("pk", flat=True),
    )
    drained()
    ((args, _),) = calls
    assert args == ([[Decimal("1.50"), noon]], [{"day": noon.date()}], [ticket.pk])
    assert isinstance(args[2][0], uuid.UUID)


@pytest.mark.parametrize(
    ("args", "kwargs", "says"),
    [
        ((object(),), {}, r"argument 0 has a value of type object"),
        ((1, {1, 2}), {}, r"argument 1 has a value of type set"),
        (
            (),
            {"when": datetime.datetime(2026, 1, 1)},
            r"argument when has a value of type datetime",
        ),
        (([1, [b"x"]],), {}, r"argument 0 has a value of type bytes"),
        (({1: 2},), {}, r"argument 0 has a value of type dict"),
    ],
    ids=["object", "set", "datetime", "bytes", "keys"],
)
def test_what_is_no_json_raises_naming_the_argument(args: Any, kwargs: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        tasks.note.delay(*args, **kwargs)
    assert waiting() == 0


def test_what_is_not_saved_or_not_finite_raises() -> None:
    with pytest.raises(ValueError, match="argument who is a message that is not saved"):
        tasks.note.delay(who=Message())
    with pytest.raises(ValueError, match="argument 0 is nan"):
        tasks.note.delay(float("nan"))


def test_a_rollback_leaves_no_trace() -> None:
    with transaction.atomic():
        tasks.note.delay(1)
        transaction.set_rollback(True)
    assert waiting() == 0


def test_an_instance_that_is_gone_is_the_reason_and_is_not_tried_again(calls: list[Any]) -> None:
    (row,) = messages(1)
    tasks.note.delay(row)
    row.delete()
    drained()
    assert calls == []
    assert "an argument is gone" in reasons()[0]


def test_an_error_is_tried_again_later_each_time_and_then_laid_aside(calls: list[Any]) -> None:
    tasks.fails.delay("ann")
    moments = []
    for attempt in (1, 2):
        drained()
        (row,) = Waiting.objects.all()
        assert (row.attempts, row.until, row.holder) == (attempt, None, "")
        moments.append(row.due)
        drained()  # it is not due yet
        assert len(calls) == attempt
        due_now()
    drained()
    assert calls == ["ann"] * 3
    (dead,) = Dead.objects.all()
    assert dead.reason.startswith("ValueError: no mail for ann (tasks.py:")
    assert (dead.lane, dead.target, dead.attempts) == ("mail", tasks.fails.name, 3)
    assert waiting() == 0


def test_what_is_dead_can_be_tried_again_or_discarded(calls: list[Any]) -> None:
    tasks.fails.using(lane="mail").delay("ann")
    Waiting.objects.update(attempts=2)
    drained()
    (dead,) = Dead.objects.all()
    assert _dead.retry("default", dead.pk)
    assert not _dead.retry("default", dead.pk)
    assert Dead.objects.count() == 0
    drained()
    assert len(calls) == 2
    Waiting.objects.update(attempts=2)
    due_now()
    drained()
    assert _dead.discard("default", Dead.objects.get().pk)
    assert (waiting(), Dead.objects.count()) == (0, 0)


def test_unique_calls_are_one_while_they_wait(calls: list[Any]) -> None:
    for _ in range(3):
        tasks.digest.delay(1)
    tasks.digest.delay(2)
    tasks.note.using(unique="once").delay(1)
    tasks.note.using(unique="once").delay(2)
    assert waiting() == 3
    drained()
    assert calls == [1, 2, ((1,), {})]
    tasks.digest.delay(1)
    assert waiting() == 1


def test_a_unique_call_made_while_one_is_running_waits_for_its_turn() -> None:
    tasks.digest.delay(1)
    (row,) = Waiting.objects.all()
    assert _lease.claimed("default", row, "somebody")
    tasks.digest.delay(1)
    assert waiting() == 2


def test_run_after(calls: list[Any]) -> None:
    day = datetime.timedelta(days=1)
    tasks.note.using(run_after=day).delay("tomorrow")
    tasks.note.using(run_after=3600).delay("in an hour")
    now = datetime.datetime.now(datetime.UTC)
    tasks.note.using(run_after=now + day).delay("at noon")
    tasks.note.using(run_after=now - day).delay("yesterday")
    drained()
    assert calls == [(("yesterday",), {})]
    Waiting.objects.update(due=in_seconds(-1))
    drained()
    assert len(calls) == 4


def test_a_task_that_another_holds_is_left_to_him_and_taken_when_he_is_silent(
    calls: list[Any],
) -> None:
    tasks.note.delay(1)
    Waiting.objects.update(holder="another", until=in_seconds(60), attempts=1)
    assert _running.drain_tasks("default") == 0
    Waiting.objects.update(until=in_seconds(-0.1))
    assert _running.drain_tasks("default") == 1
    assert calls == [((1,), {})]


def test_workers_that_die_over_a_task_are_not_its_failures(calls: list[Any]) -> None:
    """The process of an RQ job ends with it: five of them say nothing of a mail to be sent."""
    tasks.note.delay(1)
    for deaths in range(_running.DEATHS):
        assert _lease.died(Waiting.objects.get().holder) == deaths
        one_dies()
        assert Waiting.objects.get().attempts == 1
    assert calls == []
    drained()
    assert calls == [((1,), {})]


def test_a_task_that_too_many_die_over_is_laid_aside(calls: list[Any]) -> None:
    tasks.note.delay(1)
    for _ in range(_running.DEATHS + 1):
        one_dies()
    drained()
    assert calls == []
    assert reasons() == ["whoever ran it died, 21 times"]


def test_a_task_with_one_attempt_is_not_begun_again(calls: list[Any]) -> None:
    tasks.once.delay(1)
    one_dies()
    drained()
    assert calls == []
    assert reasons() == ["whoever ran it died, 1 times"]


def test_the_second_death_over_a_task_puts_it_off(calls: list[Any]) -> None:
    tasks.note.delay(1)
    one_dies()
    one_dies()
    Waiting.objects.update(until=in_seconds(-0.1))
    drained()
    assert (calls, waiting()) == ([], 1)
    due_now()
    drained()
    assert calls == [((1,), {})]


def one_dies() -> None:
    """As a process that is killed in the middle of it, a while ago."""

    def kill(*args: Any) -> None:
        raise GeneratorExit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_running, "_done", kill)
        with pytest.raises(GeneratorExit):
            _running.drain_tasks("default")
    Waiting.objects.update(until=None)


def test_atomic_tasks_and_their_end_are_one_transaction() -> None:
    (row,) = messages(1)
    tasks.count.delay(row.pk, fail=True)
    drained()
    row.refresh_from_db()
    assert (row.views, waiting()) == (0, 1)
    Waiting.objects.all().delete()
    tasks.count.delay(row.pk)
    drained()
    row.refresh_from_db()
    assert (row.views, waiting()) == (1, 0)


def test_async_tasks_and_async_calls(calls: list[Any]) -> None:
    async_to_sync(tasks.waits.adelay)("a")
    async_to_sync(tasks.waits.aenqueue)("b")
    drained()
    assert calls == ["a", "b"]


def test_lanes_are_drained_apart(calls: list[Any]) -> None:
    tasks.note.delay(1)
    tasks.note.using(lane="mail").delay(2)
    drain(once=True, only="mail")
    assert calls == [((2,), {})]


def test_a_task_is_a_measured_unit(store: Any) -> None:
    tasks.note.delay(1)
    drained()
    assert snapshot()["routes"][f"task:{tasks.note.name}"]["requests"] == 1


def test_a_name_that_nobody_has_is_told(calls: list[Any]) -> None:
    Waiting.objects.create(
        lane="default", kind="task", target="os.system", body='{"args":[],"kwargs":{}}'
    )
    Waiting.objects.create(
        lane="default",
        kind="task",
        target="tests.later.inbox.tasks.gone",
        body='{"args":[],"kwargs":{}}',
    )
    for _ in range(5):
        drained()
        due_now()
    assert len(reasons()) == 2
    assert all("No task is called" in each for each in reasons())


def test_a_worker_finds_a_task_whose_module_nobody_has_loaded(
    monkeypatch: pytest.MonkeyPatch, calls: list[Any]
) -> None:
    tasks.note.delay(1)
    monkeypatch.setattr(_task, "tasks", {})
    monkeypatch.setattr("unhurried.later._task._running.tasks", _task.tasks)
    monkeypatch.delitem(sys.modules, tasks.__name__)
    drained()
    assert waiting() == 0


def test_mistakes_at_the_definition() -> None:
    with pytest.raises(LaterError, match="made anew with each call"):

        @task
        def inner() -> None: ...

    with pytest.raises(TypeError, match="wants a function"):
        task(Message)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="without dots"):
        task(lane="a.b")(messages)
    with pytest.raises(ValueError, match="from 1 to 100"):
        task(attempts=0)(messages)
    with pytest.raises(LaterError, match="is the name of"):
        task(name=tasks.note.name)(messages)


def test_a_task_that_a_kick_has_led_to_is_a_unit_of_its_own(store: Any) -> None:
    _drain.install()
    tasks.note.delay(1)
    _lanes.run("tasks")
    routes = snapshot()["routes"]
    assert f"task:{tasks.note.name}" in routes
    assert "later:tasks" not in routes
