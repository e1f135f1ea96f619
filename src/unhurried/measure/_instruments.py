"""Metrology's five: counter, gauge, meter, histogram, timer, with its method names.

Inside a unit of work changes wait for its end and are written under its one lock; outside they
are written at once. Numbers of all processes are merged on reading, see ``snapshot``.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from contextvars import ContextVar
from math import copysign, exp, inf, isfinite
from sys import float_info
from time import perf_counter_ns
from types import TracebackType
from typing import ClassVar, Final, TypeVar, cast

from unhurried.conf import settings

from . import _layout as L
from . import _nesting, _store
from ._buckets import TIME, VALUE
from ._errors import StoreError, swallow
from ._record import Record, under_way
from ._store import Store

MINUTES: Final = (1, 5, 15)
HORIZONS: Final = tuple(60.0 * minutes for minutes in MINUTES)  # seconds

PATIENT: Final = 64  # changes that wait for a request's end
YEAR: Final = 366 * 86400.0  # seconds
MOST: Final = 1 << 53  # at a time: sums of many processes must stay below 2**64
_began: _nesting.Begun[int] = ContextVar("unhurried_timers", default=())

#: Called with (kind, name, value) for each change, after it was made: sinks subscribe here.
changed: list[Callable[[str, str, float], None]] = []


class Instrument:
    """A named row in this process's slot, found again after a fork or a change of store."""

    kind: ClassVar[str]

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError(f"{self.kind}() wants a name, a non-empty str, not {name!r}.")
        self.name = name
        self._store: Store | None = None
        self._lanes = self._fine = memoryview(b"")
        self._floats = memoryview(b"").cast("d")

    def __repr__(self) -> str:
        return f"{self.kind}({self.name!r})"

    def _bind(self, store: Store) -> None:
        group = L.GROUPS[self.kind]
        row = store.names.row(self.kind, self.name)
        self._lanes, self._floats = store.slot.lanes(group, row), store.slot.floating(group, row)
        if group.fine:
            self._fine = store.slot.fine(group, row)
        self._store = store

    def _refuse(self, why: str, kind: type[Exception] = ValueError) -> None:
        """A value that can't be kept: it may come from data, so no page breaks for it."""
        if settings.STRICT:
            raise kind(f"{self!r} {why}.")

    def _number(self, value: float) -> float | None:
        """The value as a finite float, or None once it has been refused."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            self._refuse(f"takes numbers, not {value!r}", TypeError)
            return None
        except OverflowError:
            number = inf
        if isfinite(number):
            return number
        self._refuse(f"takes finite numbers, not {number}")
        return None

    def _change(self, change: Callable[[], None], value: float) -> None:
        """Make a change: at the end of the unit of work under way, or now."""
        store = None
        try:
            store = _store.current()
            if store is None:
                return
            if self._store is not store:
                with store.lock:
                    self._bind(store)
            record = under_way()
            if record is None or record.store is not store:
                with store.lock:
                    change()
            else:
                _keep(record, change)
        except (OSError, StoreError) as error:
            return _store.fail(error, store)
        except Exception as error:  # boundary: a meter never breaks a page
            return swallow("an instrument", error)
        for subscriber in changed:
            try:
                subscriber(self.kind, self.name, value)
            except Exception as error:  # boundary: one sink's trouble is not the store's
                swallow("a sink", error)


def _keep(record: Record, change: Callable[[], None]) -> None:
    """Let it wait for the end of the request; in what may run for hours nothing waits."""
    if record.pending is None:
        record.pending = []
    record.pending.append(change)
    long = record.kind != "request" or (record.rare is not None and record.rare.streamed)
    if long or len(record.pending) >= PATIENT or record.wall:  # a thread's, that ended just now
        flush(record)


def flush(record: Record) -> None:
    """Make the changes that have waited."""
    changes, record.pending = record.pending, None
    with record.store.lock:
        for change in changes or ():
            try:
                change()
            except Exception as error:  # boundary: one instrument's trouble is not another's
                swallow("an instrument", error)


def finite(total: float) -> float:
    """A sum, or the largest number there is where it has overflown: JSON has no infinity."""
    return total if isfinite(total) else copysign(float_info.max, total)


class Counter(Instrument):
    """A number that goes up and down."""

    kind = "counter"

    def increment(self, n: int = 1) -> None:
        self._add(n)

    def decrement(self, n: int = 1) -> None:
        self._add(-n)

    def _add(self, n: int) -> None:
        if not isinstance(n, int):
            return self._refuse(f"counts whole numbers, not {n!r}", TypeError)
        if abs(n) > MOST:
            return self._refuse(f"counts to 2**53 at a time, not {n}")
        self._change(functools.partial(self._write, n), n)

    def _write(self, n: int) -> None:
        self._lanes[n < 0] += abs(n)


class Gauge(Instrument):
    """The last value set, by whichever process."""

    kind = "gauge"

    def set(self, value: float) -> None:
        number = self._number(value)
        if number is not None:
            self._change(functools.partial(self._write, time.time_ns(), number), number)

    def _write(self, when: int, value: float) -> None:
        self._floats[1] = value
        self._lanes[0] = when


class Meter(Instrument):
    """How often something happens: a count and the rates of the last 1, 5 and 15 minutes.

    The rates are exponentially weighted over continuous time, each event adding ``1/T`` and
    decaying with ``exp(-t/T)``, so that processes' rates can be added and dead ones fade.
    """

    kind = "meter"

    def mark(self, n: int = 1) -> None:
        if not isinstance(n, int) or n < 0:
            return self._refuse(f"marks whole numbers from 0, not {n!r}", TypeError)
        if n > MOST:
            return self._refuse(f"counts to 2**53 at a time, not {n}")
        self._change(functools.partial(self._write, time.time_ns(), n), n)

    def _write(self, now: int, n: int) -> None:
        lanes, rates = self._lanes, self._floats
        if not lanes[1]:
            lanes[1] = lanes[2] = now
        if now < lanes[2] and time.time_ns() < lanes[2]:  # else it waited for its unit's end
            lanes[1], lanes[2] = min(lanes[1], now), now  # the clock was set back
        elapsed = max(now - lanes[2], 0) / 1e9
        for i, horizon in enumerate(HORIZONS, 3):
            rates[i] = rates[i] * exp(-elapsed / horizon) + n / horizon
        lanes[2] = max(now, lanes[2])
        lanes[0] += n


class Histogram(Instrument):
    """Values of any unit: quantiles within 1 % from 1e-6 to 1e9; the rest counts as the nearest."""

    kind = "histogram"

    def update(self, value: float) -> None:
        number = self._number(value)
        if number is not None:
            self._change(functools.partial(self._write, number), number)

    def _write(self, value: float) -> None:
        lanes, floats = self._lanes, self._floats
        self._fine[VALUE.index(value)] += 1
        floats[1] = finite(floats[1] + value)
        if not lanes[0] or value > floats[2]:
            floats[2] = value
        if not lanes[0] or value < floats[3]:
            floats[3] = value
        lanes[0] += 1


class Timer(Instrument):
    """Durations in seconds: ``with timer("render"):`` or ``timer("render").update(0.2)``."""

    kind = "timer"

    def update(self, seconds: float) -> None:
        number = self._number(seconds)
        if number is None:
            return
        if not 0 <= number <= YEAR:
            return self._refuse(f"takes seconds from 0 to a year, not {number}")
        self._change(functools.partial(self._write, int(number * 1e9)), number)

    def _write(self, ns: int) -> None:
        lanes = self._lanes
        self._fine[TIME.index(ns)] += 1
        lanes[1] += ns
        lanes[2] = max(lanes[2], ns)
        lanes[0] += 1

    def __enter__(self) -> Timer:
        _nesting.begin(_began, self, perf_counter_ns())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        began = _nesting.end(_began, self)
        if began is not None:
            took = (perf_counter_ns() - began) / 1e9
            self.update(took if 0 <= took <= YEAR else 0.0)  # a test has set the clock in between


def counter(name: str) -> Counter:
    """``counter("orders").increment()``, ``.decrement(2)``."""
    return _made(Counter, name)


def gauge(name: str) -> Gauge:
    """``gauge("temperature").set(21.5)``."""
    return _made(Gauge, name)


def meter(name: str) -> Meter:
    """``meter("logins").mark()``: a count, and rates per second."""
    return _made(Meter, name)


def histogram(name: str) -> Histogram:
    """``histogram("basket.size").update(12)``."""
    return _made(Histogram, name)


def timer(name: str) -> Timer:
    """``with timer("thumbnail"):``; may be nested, and shared by threads and coroutines."""
    return _made(Timer, name)


I = TypeVar("I", bound=Instrument)  # noqa: E741 - I for instrument


_made_before: dict[tuple[type[Instrument], str], Instrument] = {}


def _made(cls: type[I], name: str) -> I:
    """The one of that name, or a new one; names beyond the store's rows are not kept."""
    known = _made_before.get((cls, name)) if isinstance(name, str) else None
    if known is None:
        known = cls(name)
        if len(_made_before) < 5 * L.ROWS:
            known = _made_before.setdefault((cls, name), known)
    return cast(I, known)
