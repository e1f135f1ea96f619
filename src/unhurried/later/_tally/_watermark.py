"""How far a process has come: the sequence of its last flush, in the flush's own transaction.

So a flush whose COMMIT was cut off, which may have happened or not, is tried again as it was, and
finds out. Idempotence by (producer, sequence), as in Kafka's producers (KIP-98).
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, Final

from django.apps import apps
from django.db.models.functions import Now

from unhurried.measure.reading import say_once

from .._outbox._tables import APP
from ._counts import Batch

KEPT: Final = timedelta(days=1)  # the mark of a process that flushes no more
DOUBT: Final = KEPT.total_seconds() / 2


def flushed() -> Any:
    """The model; LookupError without the app."""
    return apps.get_model(APP, "Flushed")


def claim(alias: str, process: str, batch: Batch) -> bool:
    """Set the mark to this batch; False if it was applied before, or nobody can tell.

    Two attempts at once, of which the first goes on in a server that its client has given up: the
    second waits for the row, or for the unique key.
    """
    marks = flushed()._base_manager.using(alias)
    mine = marks.filter(process=process)
    if mine.filter(sequence__lt=batch.sequence).update(sequence=batch.sequence, at=Now()):
        return True
    if mine.exists():
        return False
    if batch.committing and time.time() - batch.committing > DOUBT:
        # Had it been applied, its mark might have been swept since: rather lost than twice.
        say_once(
            "A flush of %d hits was in doubt for more than %d hours, and is given up.",
            batch.hits(),
            DOUBT // 3600,
        )
        return False
    marks.create(process=process, sequence=batch.sequence)
    return True


def sweep(alias: str) -> None:
    """Marks of processes that have not flushed for long; one that wakes up begins a new one."""
    flushed()._base_manager.using(alias).filter(at__lt=Now() - KEPT).delete()


def remove(alias: str, process: str) -> None:
    """The process ends, with nothing in doubt."""
    flushed()._base_manager.using(alias).filter(process=process).delete()
