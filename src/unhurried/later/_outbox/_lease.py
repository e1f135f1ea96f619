"""Leases by compare-and-set: one alone drains a lane of writes, and one alone runs a task."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import Error, connections
from django.db.models import Q
from django.db.models.functions import Now

from unhurried.measure.reading import swallow

from .._errors import is_transient
from ._clock import in_seconds
from ._tables import lanes, let_go, waiting

LEASE: Final = 5.0  # seconds after which a holder who says nothing is taken for dead
BEAT: Final = 1.25  # seconds between two signs of life

FREE: Final = Q(until__isnull=True) | Q(until__lt=Now())


def a_name(died: int = 0) -> str:
    """Whoever holds a lease; nobody else has this name. How many have died over it ends it."""
    return f"{secrets.token_hex(13)}:{died}"


def died(holder: str) -> int:
    """How many in a row have fallen silent over what is nobody's now, and who has had it last."""
    return int(holder.partition(":")[2] or 0) + 1 if holder else 0


class LaneLease:
    """The right to drain one lane of one database."""

    def __init__(self, alias: str, lane: str) -> None:
        self.alias, self.lane = alias, lane
        self.holder = a_name()
        self._renewed = 0.0

    def taken(self) -> bool:
        """Whether it is ours now."""
        if self._set(FREE):
            return True
        _, made = lanes(self.alias).get_or_create(
            name=self.lane, defaults={"holder": self.holder, "until": in_seconds(LEASE)}
        )
        self._renewed = time.monotonic()
        return bool(made)

    def _set(self, condition: Q) -> bool:
        self._renewed = time.monotonic()
        found = lanes(self.alias).filter(condition, name=self.lane)
        return bool(found.update(holder=self.holder, until=in_seconds(LEASE)))

    def keep(self) -> bool:
        """Renew it in time; False if another has it."""
        if time.monotonic() - self._renewed < BEAT:
            return True
        return self._set(Q(holder=self.holder))

    def release(self) -> None:
        lanes(self.alias).filter(name=self.lane, holder=self.holder).update(until=None, holder="")


def claimed(alias: str, row: Any, holder: str) -> bool:
    """Whether the task is ours to run; from here on it has been tried once more.

    What the last one has not ended, as it died, counts as one try with this.
    """
    found = waiting(alias).filter(FREE, pk=row.pk, holder=row.holder, due__lte=Now())
    attempts = row.attempts if row.holder else row.attempts + 1
    values = {"holder": holder, "until": in_seconds(LEASE), "key": None}
    return bool(found.update(attempts=attempts, **values))


def put_off(alias: str, row: Any, seconds: float) -> None:
    """Leave alone for a while what another has died over; it is known whom it had last."""
    found = waiting(alias).filter(FREE, pk=row.pk, holder=row.holder, due__lte=Now())
    found.update(due=in_seconds(seconds), until=None)


@contextmanager
def alive(alias: str, pk: int, holder: str) -> Iterator[None]:
    """Tell the database every BEAT seconds that the task is still being run."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT) and _beaten(alias, pk, holder):
            pass
        connections.close_all()

    thread = threading.Thread(target=beat, name="unhurried-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beaten(alias: str, pk: int, holder: str) -> bool:
    try:
        return bool(waiting(alias).filter(pk=pk, holder=holder).update(until=in_seconds(LEASE)))
    except Error as error:
        if not is_transient(error):
            swallow("a lease", error)
        let_go()  # the connection may be broken, and would stay so
        return True  # perhaps the next one gets through
