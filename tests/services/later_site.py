"""A site that defers: ``later_site.py web | preload | tables``, and the app of its workers.

Each transaction of the web leaves proof of itself (a Folder), a deferred ``F() + 1``, and a task
that leaves another proof (a Ticket), in one COMMIT; every fifth is rolled back. What the sums must
be in the end is what was committed, however many were killed meanwhile.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["LATER_FOLDER"])
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.services.later_settings")

import celery  # noqa: E402 - what stands above is for its workers
import django  # noqa: E402

app = celery.Celery("later_site", broker=os.environ.get("LATER_BROKER", "memory://"))
app.conf.worker_hijack_root_logger = False
django.setup()

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.signals import request_started  # noqa: E402
from django.db import OperationalError, connection, transaction  # noqa: E402
from django.db.models import F  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from tests.later.inbox.models import Folder, Message, Ticket  # noqa: E402
from tests.later.inbox.tasks import prove  # noqa: E402
from unhurried.later import later  # noqa: E402
from unhurried.later._drain import drain as work_off  # noqa: E402
from unhurried.later._outbox import _journal  # noqa: E402
from unhurried.later._writing._drain import drain_lane  # noqa: E402
from unhurried.later.models import Dead, Waiting  # noqa: E402
from unhurried.later.reading import paused  # noqa: E402

ROWS = 10


def tables() -> None:
    if connection.vendor == "sqlite":
        connection.cursor().execute("PRAGMA journal_mode = wal")
    call_command("migrate", run_syncdb=True, verbosity=0)
    Message.objects.bulk_create(Message(text=f"row {n}") for n in range(ROWS))


def once(rng: random.Random) -> None:
    """One request: a transaction, or one that fails."""
    name = uuid.uuid4().hex[:12]
    with transaction.atomic():
        Folder.objects.create(name=name)
        pks = sorted(rng.sample(range(1, ROWS + 1), 3))
        later(Message.objects.filter(pk__in=pks)).update(weight=F("weight") + 1)
        prove.delay(name)
        if rng.random() < 0.2:
            transaction.set_rollback(True)


def web() -> None:
    """Until it is told to stop writing; then it only lives, as a site without visitors does."""
    request_started.send(sender=WSGIHandler, environ={})  # as a server that answers does
    rng = random.Random(os.getpid())
    while True:
        if not (FOLDER / "quiet").exists():
            try:
                once(rng)
            except OperationalError:
                pass  # locked: this request has failed, and with it what it wanted done
        time.sleep(0.01)


def preload() -> None:
    """A parent that has loaded everything, and two workers forked from it, as gunicorn does."""
    connection.close()
    living: set[int] = set()
    while True:
        while len(living) < 2:
            pid = os.fork()
            if not pid:
                web()
            living.add(pid)
        living.discard(os.wait()[0])


def seconds() -> Iterator[None]:
    end = time.monotonic() + float(sys.argv[2])
    while time.monotonic() < end:
        yield


def defer() -> None:
    """Every row, again and again."""
    count = 0
    for _ in seconds():
        count += 1
        later(Message.objects.all()).update(weight=F("weight") + 1)
        time.sleep(0.005)
    sys.stdout.write(json.dumps(count))


def drain() -> None:
    """One of two who both think that they alone drain the lane."""
    count = 0
    with paused():
        for _ in seconds():
            count += drain_lane("default", "inbox.Message", leased=False) or 0
    sys.stdout.write(json.dumps(count))


def reversed_updates() -> None:
    """A site that locks rows in the other order, and holds them for a while."""
    count = 0
    for _ in seconds():
        count += 1
        with transaction.atomic():
            for pk in range(ROWS, 0, -1):
                Message.objects.filter(pk=pk).update(views=count % 1000)
                time.sleep(0.0005)
        time.sleep(0.01)
    sys.stdout.write(json.dumps(count))


def rest() -> None:
    """What is left; how much memory that took, in MB, and how long."""
    begun = time.monotonic()
    done = work_off(once=True)
    status = Path("/proc/self/status").read_text()  # ru_maxrss is that of whoever forked us, too
    most = int(status.split("VmHWM:")[1].split()[0]) / 1024
    sys.stdout.write(json.dumps([done.writes, most, time.monotonic() - begun]))


def one() -> None:
    """A request, whose transaction may fail; what it says is whether it has."""
    try:
        with paused(), transaction.atomic():
            later(Message.objects.all()).update(weight=F("weight") + 1)
    except OperationalError as error:
        sys.stdout.write(json.dumps(str(error)))
    else:
        sys.stdout.write(json.dumps("committed"))


def requests() -> None:
    """Seconds of each of 200 requests that defer something, and how long the last was not done."""
    rows = list(Message.objects.values_list("pk", flat=True))
    took = []
    for n in range(200):
        begun = time.perf_counter()
        later(Message.objects.filter(pk=rows[n % ROWS])).update(weight=F("weight") + 1)
        prove.delay(str(n))
        took.append(time.perf_counter() - begun)
        time.sleep(0.01)
    begun = time.monotonic()
    while Waiting.objects.exists() and time.monotonic() < begun + 50:
        time.sleep(0.05)
    sys.stdout.write(json.dumps([took, time.monotonic() - begun]))


def unheard() -> None:
    """A web process none of whose kicks arrive: seconds from the last request until all is done."""
    _journal.ask = lambda *args: None  # type: ignore[assignment]
    request_started.send(sender=WSGIHandler, environ={})
    rng = random.Random(1)
    for _ in range(50):
        once(rng)
    begun = time.monotonic()
    while Waiting.objects.exists() and time.monotonic() < begun + 50:
        time.sleep(0.05)
    sys.stdout.write(json.dumps(time.monotonic() - begun))


def deadlocks() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        sys.stdout.write(json.dumps(cursor.fetchone()))


def received() -> None:
    """Twenty pages of messages that are all received: with ``later``, and without."""
    Message.objects.update(received=True)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # what is noted about rows on first sight is noted

    def page(defers: bool) -> None:
        messages = Message.objects.order_by("pk")
        list(messages)
        if defers:
            later(messages).update(received=True)

    def seen(defers: bool) -> tuple[int, int]:
        with connection.cursor() as cursor, CaptureQueriesContext(connection) as captured:
            before = wal(cursor)
            for _ in range(20):
                page(defers)
            after = wal(cursor)
        return after - before, len(captured)

    for defers in (False, True):
        page(defers)
    (plain_wal, plain), (own, statements) = seen(False), seen(True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM inbox_message WHERE xmax::text <> '0'")
        (locked,) = cursor.fetchone()
    found = {"plain_wal": plain_wal, "plain_statements": plain, "wal": own}
    sys.stdout.write(json.dumps({**found, "statements": statements, "locked": locked}))


def wal(cursor: Any) -> int:
    cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'")
    return int(cursor.fetchone()[0])


def left() -> None:
    sys.stdout.write(json.dumps(Waiting.objects.count()))


def said() -> None:
    sys.stdout.write(
        json.dumps(
            {
                "dead": list(Dead.objects.values_list("reason", flat=True)),
                "sent": Folder.objects.count(),
                "sum": sum(Message.objects.values_list("weight", flat=True)),
                "proofs": Ticket.objects.count(),
                "different": Ticket.objects.values("title").distinct().count(),
            }
        )
    )


if __name__ == "__main__":
    globals()[sys.argv[1]]()
