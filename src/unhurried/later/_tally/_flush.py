"""One flush: one transaction, applied once however often it is tried.

What one row refuses (an overflow, a check) must not keep the others: then the same batch is
tried again in halves, until that row stands alone, and is written down as dead with its reason.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Final

from django.db import DatabaseError, transaction
from django.db.models.functions import Now

from .._errors import is_away
from .._outbox._dead import MOST
from .._outbox._dead import told as reason_of
from .._outbox._tables import dead
from .._writing._lane import lane_of
from .._writing._values import told
from ._counts import Batch, Row
from ._updates import update
from ._watermark import claim

#: The database's, and those of its driver: a number or a text that it can't tell it.
REFUSALS: Final = (DatabaseError, OverflowError, ValueError, TypeError)


@dataclass(slots=True)
class Outcome:
    """Of a flush; rows count once for each field."""

    orphaned: int = 0  # rows that were deleted meanwhile
    dead: int = 0  # rows that would not take it


def flush(batch: Batch, alias: str, process: str) -> Outcome:
    """Apply it, unless it was applied before. Raises what the database raises; try it again then.

    An error of one row is of no doubt: nothing of the transaction has happened.
    """
    try:
        return _apply(batch, alias, process, careful=False)
    except REFUSALS as error:
        if not is_refusal(error):
            raise
    return _apply(batch, alias, process, careful=True)


def _apply(batch: Batch, alias: str, process: str, *, careful: bool) -> Outcome:
    outcome = Outcome()
    with transaction.atomic(using=alias, durable=True):
        if claim(alias, process, batch):
            for model, rows in batch.rows():
                if careful:
                    _bisect(model, alias, rows, outcome)
                else:
                    outcome.orphaned += update(model, alias, rows)
        batch.committing = batch.committing or time.time()
    return outcome


def is_refusal(error: Exception) -> bool:
    """Whether the statement is wrong, and not the time: it will be refused again."""
    return isinstance(error, REFUSALS) and not is_away(error)


def _bisect(model: Any, alias: str, rows: list[Row], outcome: Outcome) -> None:
    try:
        with transaction.atomic(using=alias):
            outcome.orphaned += update(model, alias, rows)
        return
    except REFUSALS as error:
        if not is_refusal(error):
            raise
        reason = reason_of(error)
    if len(rows) == 1:
        outcome.dead += 1
        return _bury(model, alias, rows[0], reason)
    middle = len(rows) // 2
    _bisect(model, alias, rows[:middle], outcome)
    _bisect(model, alias, rows[middle:], outcome)


def _bury(model: Any, alias: str, row: Row, reason: str) -> None:
    """As the deferred write that it is: tried again, it goes the way of those."""
    label = model._meta.label
    body = {"pk": [told(model._meta.pk, row.pk)], "add": {row.field: row.n}}
    dead(alias).create(
        lane=lane_of(model),
        kind="update",
        target=label,
        body=json.dumps(body),
        created=Now(),
        attempts=1,
        reason=f"Tally of {label}.{row.field}: {reason}"[:MOST],
    )
