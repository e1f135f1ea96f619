"""Applying deferred writes: a lane at a time, in chunks, each applied and consumed at once.

What is applied is deleted in the same transaction, so it is applied once, whoever is killed when.
"""

from __future__ import annotations

import json
import random
import sqlite3
import time
from typing import Any, Final

from django.db import DatabaseError, transaction
from django.db.models.functions import Now

from unhurried.measure import counter

from .._ending import ending
from .._errors import is_transient
from .._outbox import _sweep
from .._outbox._clock import backoff, in_seconds
from .._outbox._dead import bury
from .._outbox._kinds import WRITES
from .._outbox._lease import LaneLease
from .._outbox._tables import removed, waiting
from ._apply import apply
from ._figures import figures
from ._merge import merged

ROWS: Final = 200  #: rows of the site's that one transaction changes, about
BATCH: Final = 500  #: deferred writes that are in memory at once
TURN: Final = 20  #: batches of one lane, before another has its turn
ATTEMPTS: Final = 3
LOCKED: Final = "55P03"  #: PostgreSQL: lock_not_available
#: The database has chosen between two of us, or another holds a row: nobody is to blame.
CROWDED: Final = frozenset({LOCKED, "40P01", "40001"})
TRIES: Final = 3  #: for a chunk of which another holds a row, before it is cut in two


class TakenError(Exception):
    """Another has applied some of it."""


def drain_lane(alias: str, lane: str, *, leased: bool = True) -> int | None:
    """Apply what is due in one lane; how much that was, or None if another is at it."""
    if not leased:
        return _drained(alias, lane, None)
    lease = LaneLease(alias, lane)
    if not lease.taken():
        return None
    try:
        return _drained(alias, lane, lease)
    finally:
        lease.release()


def _drained(alias: str, lane: str, lease: LaneLease | None) -> int | None:
    done = 0
    for _ in range(TURN):
        rows = _batch(alias, lane)
        if not rows:
            break
        for chunk in _chunks(rows):
            if ending.is_set() or (lease is not None and not lease.keep()):
                return done or None
            try:
                _apply(alias, chunk)
            except TakenError:
                return done or None  # by whoever holds the lease now
            done += len(chunk)
    return done


def _batch(alias: str, lane: str) -> list[Any]:
    found = waiting(alias).filter(lane=lane, due__lte=Now(), kind__in=WRITES)
    return list(found.order_by("id")[:BATCH])


def _chunks(rows: list[Any]) -> list[list[Any]]:
    """Neighbours that together change about ROWS rows; those of them that are the same, once."""
    chunks: list[list[Any]] = []
    keys: set[Any] = set()
    for row in rows:
        row.told = _told(row)
        own = _keys(row)
        if not chunks or len(keys | own) > ROWS or row.target != chunks[-1][-1].target:
            chunks.append([])
            keys = set()
        chunks[-1].append(row)
        keys |= own
    return chunks


def _told(row: Any) -> dict[str, Any]:
    body = json.loads(row.body)
    return body if isinstance(body, dict) else {}


def _keys(row: Any) -> set[Any]:
    return set(row.told.get("pk") or [f"row {row.pk}"])


def _apply(alias: str, rows: list[Any]) -> None:
    """All of them, or, of those that can't be, each by itself."""
    for attempt in range(TRIES):
        try:
            return _applied(alias, rows)
        except TakenError:
            raise
        except Exception as error:  # boundary: models, receivers and constraints of the site
            if not _is_crowded(error):
                return _apart(alias, rows, error)
            time.sleep(random.uniform(0.005, 0.05) * (attempt + 1))
    return _apart(alias, rows, None)


def _applied(alias: str, rows: list[Any]) -> None:
    begun = time.perf_counter()
    with transaction.atomic(using=alias):
        # First, so that whoever has these rows too waits here, where he holds nothing.
        ids = [row.pk for row in rows]
        if removed(waiting(alias).filter(pk__in=ids)) != len(ids):
            raise TakenError
        steps = merged((row.kind, row.told) for row in rows)
        changed = apply(alias, rows[0].target, steps)
    asked = sum(len(row.told.get("pk", (1,))) for row in rows)
    figures(rows[0].lane).applied(asked, steps, changed, time.perf_counter() - begun)


def _apart(alias: str, rows: list[Any], error: Exception | None) -> None:
    """Cut in two until what can't be applied is alone."""
    if error is not None and _passes(error):
        raise error
    if len(rows) > 1:
        half = len(rows) // 2
        _apply(alias, rows[:half])
        _apply(alias, rows[half:])
    elif len(rows[0].told.get("pk", ())) > 1:
        for part in _halves(alias, rows[0]):
            _apply(alias, [part])
    elif error is None:
        _postpone(alias, rows[0], random.uniform(0.1, 0.5))
    else:
        _failed(alias, rows[0], error)


def _halves(alias: str, row: Any) -> list[Any]:
    """The same for the one half of its keys, and for the other: two rows in the place of one."""
    pks = row.told["pk"]
    parts = []
    with transaction.atomic(using=alias):
        if not removed(waiting(alias).filter(pk=row.pk)):
            raise TakenError
        for some in (pks[: len(pks) // 2], pks[len(pks) // 2 :]):
            part = type(row)(
                **{name: getattr(row, name) for name in _COPIED},
                body=json.dumps({**row.told, "pk": some}),
            )
            part.save(using=alias, force_insert=True)
            part.told = {**row.told, "pk": some}
            parts.append(part)
    return parts


_COPIED: Final = ("lane", "kind", "target", "actor", "created", "attempts")


def _failed(alias: str, row: Any, error: Exception) -> None:
    attempts = row.attempts + 1
    if attempts >= ATTEMPTS or not isinstance(error, DatabaseError):
        bury(alias, row, attempts, error)
        return
    counter("unhurried.later.retried").increment()
    _postpone(alias, row, backoff(attempts), attempts)


def _postpone(alias: str, row: Any, seconds: float, attempts: int | None = None) -> None:
    _sweep.watch()
    values = {} if attempts is None else {"attempts": attempts}
    waiting(alias).filter(pk=row.pk).update(due=in_seconds(seconds), **values)


def _is_crowded(error: Exception) -> bool:
    return getattr(error.__cause__, "sqlstate", None) in CROWDED


def _passes(error: Exception) -> bool:
    """It is the database that can't, and it will again: nothing is wrong with the rows."""
    broken = getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_ERROR
    return is_transient(error) and not broken
