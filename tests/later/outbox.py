"""What the tests of the outbox share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from unhurried.later import _drain
from unhurried.later.models import Dead, Waiting

from .inbox.models import Message


def messages(count: int, **fields: Any) -> list[Message]:
    return Message.everything.bulk_create(
        Message(text=f"message {n}", **fields) for n in range(count)
    )


def drained() -> None:
    """Everything that is due is done, here."""
    _drain.drain(once=True)


def waiting() -> int:
    return Waiting.objects.count()


def reasons() -> list[str]:
    return list(Dead.objects.order_by("id").values_list("reason", flat=True))


def statements(function: Callable[[], Any]) -> list[str]:
    """What it asks of the database, transaction control aside."""
    with CaptureQueriesContext(connection) as captured:
        function()
    control = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
    return [q["sql"] for q in captured.captured_queries if not q["sql"].startswith(control)]


def due_now() -> None:
    """What is to be tried again later is to be tried now."""
    Waiting.objects.update(due=_drain.Now())
