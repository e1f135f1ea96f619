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
from pathlib import Path

FOLDER = Path(os.environ["LATER_FOLDER"])
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.services.later_settings")

import celery  # noqa: E402 - what stands above is for its workers
import django  # noqa: E402

app = celery.Celery("later_site", broker=os.environ.get("LATER_BROKER", "memory://"))
app.conf.worker_hijack_root_logger = False
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import OperationalError, connection, transaction  # noqa: E402
from django.db.models import F  # noqa: E402

from tests.later.inbox.models import Folder, Message, Ticket  # noqa: E402
from tests.later.inbox.tasks import prove  # noqa: E402
from unhurried.later import later  # noqa: E402
from unhurried.later.models import Dead, Waiting  # noqa: E402

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
    {"tables": tables, "web": web, "preload": preload, "left": left, "said": said}[sys.argv[1]]()
