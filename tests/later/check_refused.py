"""What PostgreSQL refuses with an OperationalError: run by test_later_postgres."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F

from unhurried.later import LaterError, Tally, _drain, later
from unhurried.later._tally import _ledgers
from unhurried.later.models import Dead, Waiting
from unhurried.later.reading import paused

from .inbox.models import Folder, Message
from .outbox import drained_once, due_now, messages

pytestmark = pytest.mark.django_db

TRIGGER = """
CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF NEW.text = 'message 1' THEN {}; END IF; RETURN NEW; END $$;
CREATE TRIGGER odd BEFORE UPDATE ON inbox_message FOR EACH ROW EXECUTE FUNCTION odd();
"""
SLOW = TRIGGER.format("PERFORM pg_sleep(5)") + "SET LOCAL statement_timeout = '200ms';"


@pytest.fixture(autouse=True)
def nobody_else() -> Iterator[None]:
    _drain.install()
    with paused():
        yield


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def drained_three_times() -> None:
    for _ in range(3):
        due_now()
        call_command("unhurried", "drain", "--once")


def test_what_is_too_large_for_an_index_is_laid_aside_alone() -> None:
    """SQLSTATE 54000. It was taken for an outage, and kept whatever else was deferred."""
    run("CREATE INDEX ON inbox_message (note)")
    refused, good = messages(2)
    Folder.objects.create(name="before")
    later(Message.objects.filter(pk=refused.pk)).update(note=secrets.token_hex(10_000))
    later(Message.objects.filter(pk=good.pk)).update(views=7)
    later(Folder.objects.all()).update(name="after")
    drained_three_times()
    assert Folder.objects.get().name == "after"
    assert Message.objects.get(pk=good.pk).views == 7
    assert not Waiting.objects.exists()
    (dead,) = Dead.objects.all()
    assert (dead.attempts, dead.lane) == (3, "inbox.Message")
    assert "index row" in dead.reason


def test_of_one_write_only_the_row_that_takes_too_long_is_laid_aside() -> None:
    """SQLSTATE 57014."""
    messages(4)
    run(SLOW)
    later(Message.objects.all()).update(received=True)
    drained_three_times()
    kept = Message.objects.filter(received=False)
    assert [row.text for row in kept] == ["message 1"]
    assert not Waiting.objects.exists()
    assert [dead.attempts for dead in Dead.objects.all()] == [3]


def test_a_lane_that_has_to_wait_for_somebody_else_stops_no_other() -> None:
    """A trigger that asks another server, which is away."""
    messages(2)
    Folder.objects.create(name="before")
    run(TRIGGER.format("RAISE 'no connection' USING ERRCODE = '08006'"))
    later(Message.objects.all()).update(views=F("views") + 1)
    later(Folder.objects.all()).update(name="after")
    drained_once()
    assert Folder.objects.get().name == "after"
    assert [row.attempts for row in Waiting.objects.all()] == [0]
    assert not Dead.objects.exists()


def test_a_row_that_takes_too_long_stops_no_tally(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh: Any = _ledgers.Ledgers()
    monkeypatch.setattr(_ledgers, "_ledgers", fresh)
    rows = messages(3)
    run(SLOW)
    hits = Tally(Message, "views")
    for row in rows:
        hits.add(row)
    hits.flush()
    assert list(Message.objects.order_by("text").values_list("views", flat=True)) == [1, 0, 1]
    assert Dead.objects.count() == 1


def test_a_value_that_no_predicate_can_write_is_not_called_a_condition() -> None:
    with pytest.raises(LaterError, match="A value or a condition has a Jsonb in it"):
        later(Message.objects.all(), predicate=True).update(data={"a": 1})
