"""One way of marking messages, in a process of its own; what it took is JSON on its output."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings

WAY, CASE, PLACE = sys.argv[1:4]
REQUESTS, ROWS = 200, 20
settings.configure(
    SECRET_KEY="bench",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": json.loads(PLACE)},
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "unhurried",
        "unhurried.later",
        "tests.later.inbox",
        *(["django_tasks", "django_tasks_db"] if WAY == "tasks_db" else []),
    ],
    TASKS={"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}},
    UNHURRIED={"MEASURE": False, "LATER": "thread"},
)
django.setup()

import _later_mark  # noqa: E402
from django.core.management import call_command  # noqa: E402 - needs the settings
from django.db import connection, transaction  # noqa: E402

from tests.later.inbox.models import Message  # noqa: E402
from unhurried.later import _kick, later  # noqa: E402

statements: list[str] = []


def counting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
    statements.append(sql)
    return execute(sql, params, many, context)


def inline(found: Any) -> None:
    found.update(received=True)


def guarded(found: Any) -> None:
    found.filter(received=False).update(received=True)


def deferred(found: Any) -> None:
    later(found).update(received=True)


def nothing(found: Any) -> None:
    """The rest of the request."""


def drain() -> None:
    call_command("unhurried", "drain", "--once", verbosity=0)


def way() -> tuple[Callable[[Any], None], Callable[[], None]]:
    """What the request does, and what is done behind it."""
    simple = {"nothing": nothing, "again": nothing, "inline": inline, "guarded": guarded}
    if WAY in simple:
        return simple[WAY], lambda: None
    if WAY == "later":
        return deferred, drain
    return _tasks_db() if WAY == "tasks_db" else _celery()


def _tasks_db() -> Any:
    import django_tasks

    marked = _later_mark.mark = django_tasks.task(_later_mark.mark)

    def work() -> None:
        call_command("db_worker", batch=True, interval=0.1, verbosity=0)

    return lambda found: marked.enqueue([row.pk for row in found]), work


def _celery() -> Any:
    """In memory: what a broker's network costs is not in it."""
    import celery

    app = celery.Celery("bench", broker="memory://")
    marked = app.task(_later_mark.mark, name="mark", ignore_result=True)

    def work() -> None:
        # Its worker's loop is left out: each message is taken, decoded, and its task called.
        with app.connection_for_read() as broker:
            queue = broker.SimpleQueue("celery")
            while queue.qsize():
                message = queue.get_nowait()
                args, kwargs, _ = message.payload
                marked(*args, **kwargs)
                message.ack()
            queue.close()

    return lambda found: marked.delay([row.pk for row in found]), work


def lsn() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn()::text")
        return str(cursor.fetchone()[0])


def wal(begun: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)::bigint", [begun])
        return int(cursor.fetchone()[0])


def main() -> None:
    call_command("migrate", verbosity=0, run_syncdb=True)
    many = REQUESTS * ROWS if CASE == "distinct" else ROWS
    received = CASE == "received"
    Message.objects.all().delete()
    Message.objects.bulk_create(Message(text="hello", received=received) for _ in range(many))
    keys = list(Message.objects.order_by("pk").values_list("pk", flat=True))
    act, behind = way()
    on_postgres = connection.vendor == "postgresql"
    begun = lsn() if on_postgres else ""
    seconds: list[float] = []
    # This process's drainer does not work beside it, uncounted: all is drained, and counted, after.
    with _kick.paused(), connection.execute_wrapper(counting):
        cpu = time.process_time()
        for number in range(REQUESTS):
            first = number * ROWS if CASE == "distinct" else 0
            found = Message.objects.filter(pk__in=keys[first : first + ROWS])
            list(found)
            if CASE == "same":  # another process has read them before they were marked
                for row in found:
                    row.received = False
            before = time.thread_time()
            with transaction.atomic():
                act(found)
            seconds.append(time.thread_time() - before)
        called = len(statements)
        behind()
        cpu = time.process_time() - cpu
    writes = [sql for sql in statements if sql.startswith(("INSERT", "UPDATE", "DELETE"))]
    answer = {
        "statements": len(statements) - REQUESTS,
        "called": called - REQUESTS,
        "writes": len(writes),
        "call": statistics.median(seconds) * 1e6,
        "cpu": cpu * 1e6 / REQUESTS,
        "wal": wal(begun) if on_postgres else None,
        "right": Message.objects.filter(received=False).count() == 0 or WAY in ("nothing", "again"),
    }
    sys.stdout.write("\n" + json.dumps(answer) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
