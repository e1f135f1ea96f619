"""A search path or a role of a request's own, on PostgreSQL; run by test_later_postgres."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.backends.signals import connection_created

from unhurried.later import LaterError, _drain, _elsewhere, later, task
from unhurried.later.models import Waiting
from unhurried.later.reading import paused

from .inbox.models import Message
from .outbox import drained, messages, waiting

pytestmark = pytest.mark.django_db(transaction=True)
TO_T1 = "SET search_path TO t1, public"


@pytest.fixture(autouse=True)
def tenants(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The inbox once more, in the schema t1; and a role that may do all but make tables."""
    monkeypatch.setattr(_elsewhere, "_usual", {})
    ask(
        "CREATE SCHEMA t1",
        "CREATE TABLE t1.inbox_message (LIKE public.inbox_message INCLUDING ALL)",
        "CREATE ROLE clerk",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO clerk",
    )
    with paused():
        yield
    connection.close()
    ask("DROP SCHEMA t1 CASCADE", "DROP OWNED BY clerk", "DROP ROLE clerk")


def ask(*statements: str) -> None:
    with connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)


def views(schema: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT views FROM {schema}.inbox_message ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


def test_a_write_within_another_search_path_is_of_that() -> None:
    messages(1)
    ask("INSERT INTO t1.inbox_message SELECT * FROM public.inbox_message", TO_T1)
    later(Message.objects.all()).update(views=7)
    ask("RESET search_path")
    drained()
    assert (views("t1"), views("public"), waiting()) == ([7], [0], 0)
    later(Message.objects.all()).update(views=8)
    assert waiting() == 1
    drained()
    assert (views("t1"), views("public")) == ([7], [8])


def test_for_one_transaction_is_for_that_alone() -> None:
    messages(1)
    with transaction.atomic():
        ask("SET LOCAL search_path TO t1, public")
        assert _elsewhere.elsewhere("default") == "the search path 't1, public'"
    assert _elsewhere.elsewhere("default") == ""
    with transaction.atomic():
        ask("SET LOCAL ROLE clerk")
        assert _elsewhere.elsewhere("default") == "the role 'clerk'"
        with pytest.raises(LaterError, match="the role 'clerk'"):
            nothing.delay()
        later(Message.objects.all()).update(views=7)
    assert (views("public"), waiting()) == ([7], 0)
    nothing.delay()
    assert waiting() == 1


def test_set_config_is_seen_and_settings_of_ones_own_are_no_matter() -> None:
    with transaction.atomic():
        ask("SELECT set_config('app.user', '7', true)")
        assert _elsewhere.elsewhere("default") == ""
        ask("SELECT set_config('search_path', 't1', true)")
        assert _elsewhere.elsewhere("default") == "the search path 't1'"


def test_what_is_done_to_each_connection_is_done_to_workers_too() -> None:
    def to_t1(connection: Any, **kwargs: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(TO_T1)

    connection.close()
    connection_created.connect(to_t1)
    try:
        Message.objects.create(text="of t1")
        assert connection.unhurried_moved  # type: ignore[attr-defined]
        later(Message.objects.all()).update(views=7)
        assert waiting() == 1
        drained()
    finally:
        connection_created.disconnect(to_t1)
        connection.close()
    assert (views("t1"), views("public")) == ([7], [])


@task
def nothing() -> None:
    """For what waits."""


@task
def leaves_it_elsewhere() -> None:
    ask("INSERT INTO t1.inbox_message SELECT * FROM public.inbox_message", TO_T1)


@task
def counts() -> None:
    Message.objects.update(views=9)


def test_a_task_that_leaves_its_connection_elsewhere_leaves_no_other_there() -> None:
    _drain.install()
    messages(1)
    leaves_it_elsewhere.delay()
    counts.delay()
    had = connections["default"]
    _drain.drain_all_tasks()
    assert connections["default"] is not had
    assert not Waiting.objects.exists()
    assert (views("t1"), views("public")) == ([0], [9])
