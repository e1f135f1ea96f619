"""Applying deferred writes: a lane at a time, in chunks, each applied and consumed at once.

What is applied is deleted in the same transaction, so it is applied once, whoever is killed when.
"""

from __future__ import annotations

import json
import random
import time
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now

from unhurried.measure import counter
from unhurried.measure.reading import say_once

from .._ending import ending
from .._errors import is_away, is_crowded
from .._outbox import _sweep
from .._outbox._clock import backoff, in_seconds
from .._outbox._dead import bury
from .._outbox._kinds import WRITES
from .._outbox._lease import LaneLease, a_name
from .._outbox._tables import removed, waiting
from ._apply import apply
from ._figures import figures
from ._merge import merged

ROWS: Final = 200  #: rows of the site's that one transaction changes, about
BATCH: Final = 500  #: deferred writes that are in memory at once
TURN: Final = 20  #: batches of one lane, before another has its turn
ATTEMPTS: Final = 3
#: It would be the same next time: a model or a field is gone, a value is none of the field's.
HOPELESS: Final = (LookupError, ValidationError, ValueError, TypeError, ArithmeticError)
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
        chunks = _chunks(_next(alias, lane))
        if not chunks:
            break
        for chunk in chunks:
            if ending.is_set() or (lease is not None and not lease.keep()):
                return done or None
            try:
                if not _apply(alias, chunk):
                    break  # what follows may have to wait for what was put off: look again
            except TakenError:
                return done or None  # by whoever holds the lease now
            done += len(chunk)
    return done


def _next(alias: str, lane: str) -> list[Any]:
    """The oldest that may be applied now; looked for behind those that have to wait."""
    held, last = Held(), 0
    for _ in range(TURN):
        rows = _batch(alias, lane, last)
        free = [row for row in rows if not held.holds(row)]
        if free or len(rows) < BATCH:
            return free
        last = rows[-1].pk
    return []


def _batch(alias: str, lane: str, after: int = 0) -> list[Any]:
    """In their order, those that were put off among them."""
    found = waiting(alias).filter(lane=lane, kind__in=WRITES, id__gt=after)
    is_due = ExpressionWrapper(Q(due__lte=Now()), output_field=BooleanField())
    return list(found.annotate(is_due=is_due).order_by("id")[:BATCH])


class Held:
    """Rows of the site's that an older write waits for: no younger one overtakes it."""

    def __init__(self) -> None:
        self._keys: set[Any] = set()
        self._all = False

    def holds(self, row: Any) -> bool:
        """Whether this one has to wait; what comes after it has to wait for it then."""
        row.told = _told(row)
        own, is_sql = _keys(row), row.kind == "sql"  # of which nobody knows the rows
        met = bool(self._keys) if is_sql else not self._keys.isdisjoint(own)
        if row.is_due and not self._all and not met:
            return False
        self._keys |= own
        self._all = self._all or is_sql
        return True


def _chunks(rows: list[Any]) -> list[list[Any]]:
    """Neighbours that together change about ROWS rows; those of them that are the same, once."""
    chunks: list[list[Any]] = []
    keys: set[Any] = set()
    for row in rows:
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
    """Of the rows of the site's that it writes to, as far as they are known."""
    if "keyed" in row.told:
        return {row.told["keyed"]}
    return set(row.told.get("pk") or [f"row {row.pk}"])


def _apply(alias: str, rows: list[Any]) -> bool:
    """All of them, or, of those that can't be, each by itself; False if one was put off."""
    for attempt in range(TRIES):
        try:
            _applied(alias, rows)
        except TakenError:
            raise
        except Exception as error:  # boundary: models, receivers and constraints of the site
            if not is_crowded(error):
                return _apart(alias, rows, error)
            time.sleep(random.uniform(0.005, 0.05) * (attempt + 1))
        else:
            return True
    return _apart(alias, rows, None)


def _applied(alias: str, rows: list[Any]) -> None:
    begun = time.perf_counter()
    with transaction.atomic(using=alias):
        # First, so that whoever has these rows too waits here, where he holds nothing.
        if removed(waiting(alias).filter(_as_they_were(rows))) != len(rows):
            raise TakenError
        steps = merged((row.kind, row.told) for row in rows)
        changed = apply(alias, rows[0].target, steps)
    asked = sum(len(row.told.get("pk", (1,))) for row in rows)
    figures(rows[0].lane).applied(asked, steps, changed, time.perf_counter() - begun)


def _as_they_were(rows: list[Any]) -> Q:
    """Those rows, unless something has been taken out of one since it was read."""
    whole = Q(pk__in=[row.pk for row in rows if not row.holder], holder="")
    for row in rows:
        if row.holder:
            whole |= Q(pk=row.pk, holder=row.holder)
    return whole


def _apart(alias: str, rows: list[Any], error: Exception | None) -> bool:
    """Cut in two until what can't be applied is alone."""
    if error is not None and is_away(error):
        raise error
    if len(rows) > 1:
        half = len(rows) // 2
        return _apply(alias, rows[:half]) and _apply(alias, rows[half:])
    if len(rows[0].told.get("pk", ())) > 1:
        error = _Pieces(alias, rows[0]).all_but_those_that_cannot(error)
        if not rows[0].told["pk"]:
            return True
    if error is None:
        _postpone(alias, rows[0], random.uniform(0.1, 0.5))
        return False
    return _failed(alias, rows[0], error)


class _Pieces:
    """One deferred write, of whose rows some can't be written: the others are taken out of it.

    It keeps its place: what was deferred after it must not overtake what is left. And it gets
    another ``holder`` each time, by which whoever has read it before sees that it is not the same.
    """

    def __init__(self, alias: str, row: Any) -> None:
        self.alias, self.row = alias, row
        self._is_held = False  # one of them, by another: nothing is counted against it

    def all_but_those_that_cannot(self, error: Exception | None) -> Exception | None:
        """Why the rest can't, of the last one; None if another only holds it."""
        for some in _halves(self.row.told["pk"]):
            error = self._some(some, error)
        return None if self._is_held else error

    def _some(self, pks: list[Any], before: Exception | None) -> Exception | None:
        try:
            self._applied(pks)
        except TakenError:
            raise
        except Exception as error:  # boundary: models, receivers and constraints of the site
            if is_away(error) and not is_crowded(error):
                raise
            if len(pks) == 1:
                self._is_held = self._is_held or is_crowded(error)
                return before if is_crowded(error) else error
            for some in _halves(pks):
                before = self._some(some, before)
        return before

    def _applied(self, pks: list[Any]) -> None:
        rest = [pk for pk in self.row.told["pk"] if pk not in pks]
        told = {**self.row.told, "pk": rest}
        mine, name = waiting(self.alias).filter(_as_they_were([self.row])), a_name()
        values = {"body": json.dumps(told), "holder": name}
        with transaction.atomic(using=self.alias):
            if (mine.update(**values) if rest else removed(mine)) != 1:
                raise TakenError
            apply(self.alias, self.row.target, merged([(self.row.kind, {**told, "pk": pks})]))
        self.row.told, self.row.body, self.row.holder = told, values["body"], name


def _halves(pks: list[Any]) -> list[list[Any]]:
    return [pks[: len(pks) // 2], pks[len(pks) // 2 :]]


def _failed(alias: str, row: Any, error: Exception) -> bool:
    """Put off, to be tried again, or laid aside."""
    attempts = row.attempts + 1
    if attempts >= ATTEMPTS or isinstance(error, HOPELESS):
        bury(alias, row, attempts, error)
        return True
    counter("unhurried.later.retried").increment()
    kind = type(error).__name__
    say_once("A deferred %s of lane %s raised %s; it is tried again.", row.kind, row.lane, kind)
    _postpone(alias, row, backoff(attempts), attempts)
    return False


def _postpone(alias: str, row: Any, seconds: float, attempts: int | None = None) -> None:
    _sweep.watch()
    values = {} if attempts is None else {"attempts": attempts}
    waiting(alias).filter(_as_they_were([row])).update(due=in_seconds(seconds), **values)
