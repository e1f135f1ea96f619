"""In another schema than a worker's, as django-tenants has it: nothing is left to be done there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models import F
from django.test import Client

from unhurried.later import LaterError, Tally, _drain, _elsewhere, later
from unhurried.later._hang_on import _run
from unhurried.later._outbox._tables import works
from unhurried.later._tally import _ledgers
from unhurried.later.reading import drain_now, paused

from . import hung
from .inbox.models import Message
from .inbox.tasks import calls, mark_received
from .outbox import drained, drained_once, messages, statements, waiting

pytestmark = pytest.mark.django_db

Within = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def within(monkeypatch: pytest.MonkeyPatch) -> Iterator[Within]:
    """``within("t1")``: this thread's connection is a tenant's, as far as anybody can see."""
    ours: Any = connections["default"]
    monkeypatch.setattr(type(ours), "set_schema", None, raising=False)
    monkeypatch.setattr(ours, "schema_name", "public", raising=False)
    _elsewhere._is_tenants.cache_clear()

    @contextmanager
    def within(name: str) -> Iterator[None]:
        ours.schema_name = name
        yield
        ours.schema_name = "public"

    yield within
    _elsewhere._is_tenants.cache_clear()


def test_writes_are_applied_at_once(within: Within) -> None:
    first, second, third = messages(3)
    with within("t1"):
        rows = Message.everything.filter(pk=first.pk)
        assert later(rows).update(received=True, views=F("views") + 2) == 1
        loaded = list(Message.everything.filter(pk=second.pk))
        assert later(rows.filter(pk=first.pk), predicate=True).update(text="seen") == 1
        later(Message.everything.filter(pk=third.pk)).delete()
        later(Message).create(text="new")
        queryset = Message.everything.filter(pk=second.pk)
        assert list(queryset) == loaded
        later(queryset).update(views=7)
        assert queryset[0].views == 7
    told = Message.everything.order_by("pk").values_list("text", "received", "views")
    assert list(told) == [("seen", True, 2), ("message 1", False, 7), ("new", False, 0)]
    assert waiting() == 0


def test_nothing_is_asked_of_the_table_of_what_waits(within: Within) -> None:
    """Which may be another's, or one that the role may not read."""
    [row] = messages(1)
    with within("t1"):
        asked = statements(lambda: later(Message.objects.filter(pk=row.pk)).update(views=1))
    assert not [sql for sql in asked if "unhurried_later" in sql], asked


def test_a_rollback_takes_what_was_applied_at_once_with_it(within: Within) -> None:
    [row] = messages(1)
    with within("t1"), transaction.atomic():
        later(Message.objects.filter(pk=row.pk)).update(views=1)
        transaction.set_rollback(True)
    assert Message.objects.get().views == 0


def test_in_the_schema_of_new_connections_all_waits(within: Within) -> None:
    [row] = messages(1)
    with within("public"):
        later(Message.objects.filter(pk=row.pk)).update(views=1)
    assert (Message.objects.get().views, waiting()) == (0, 1)


def test_which_schema_that_is_is_the_setting_of_the_tenants_package(
    within: Within, settings: Any
) -> None:
    settings.PUBLIC_SCHEMA_NAME = "shared"
    with within("shared"):
        assert _elsewhere.anywhere() == ""
    with within("public"):
        assert _elsewhere.anywhere() == "the schema 'public'"


def test_a_task_is_refused_with_the_reason_and_the_way_out(within: Within) -> None:
    with within("t1"), pytest.raises(LaterError, match=r"mark_received .* the schema 't1'") as at:
        mark_received.delay([1])
    assert "pass what tells the task where to go" in at.value.hint
    assert waiting() == 0


def test_a_tally_counts_at_once_where_it_loses_nothing_and_refuses_where_it_adds_up(
    within: Within, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ledgers, "_ledgers", _ledgers.Ledgers())
    row = Message.objects.create(text="one")
    views, weight = Tally(Message, "views", every=3600), Tally(Message, "weight", grade="commit")
    views.add(row, 3)
    weight.add(row, 3)
    with within("t1"):
        with pytest.raises(LaterError, match=r"the schema 't1'.*grade=\"commit\""):
            views.add(row)
        with pytest.raises(LaterError, match="the schema 't1'"):
            views.flush()
        assert (views.value(row), views.pending(row)) == (0, 0)  # what waits is not for here
        weight.add(row)
        assert (weight.value(row), weight.pending(row)) == (1, 0)
    assert (views.value(row), weight.value(row)) == (3, 4)
    views.flush()


def test_what_waits_is_not_worked_off_within_another_schema(within: Within) -> None:
    _drain.install()
    [row] = messages(1)
    calls.clear()
    with paused():
        later(Message.objects.filter(pk=row.pk), actor="ann").update(views=1)
        mark_received.delay([row.pk])
        with within("t1"):
            drained_once()
            drain_now()
            assert later.flush_for("ann")
            with pytest.raises(LaterError, match="the schema 't1'"):
                drained()
        assert (Message.objects.get().views, calls, waiting()) == (0, [], 2)
        drained()
    assert (Message.objects.get().views, calls, waiting()) == (1, [[row.pk]], 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.urls("tests.later.hung")
def test_hang_on_simply_calls_its_view(within: Within, client: Client) -> None:
    _run.install()
    hung.may_end.set()
    with paused(), within("t1"):
        response = client.get("/slow/", headers={"accept": "text/html"})
    assert (response.status_code, response.content[:4]) == (200, b"made")
    assert not works().exists()
