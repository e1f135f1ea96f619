"""The record: one object per unit of work, and the timeline that says where its time went.

Each ``enter`` and ``leave`` charges the time since the last one to the part on top, so the parts
add up to the wall by construction. Under ``asyncio.gather`` the part opened last wins, and the
time that others ran beside it is published as overlap.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import ContextVar
from threading import get_ident
from time import perf_counter_ns, thread_time_ns
from typing import TYPE_CHECKING, Any, Final

from . import _frames
from ._compiled import compiled

if TYPE_CHECKING:
    from ._rows import Route
    from ._store import Store

PARTS: Final = ("view", "db", "cache", "http", "template")
VIEW, DB, CACHE, HTTP, TEMPLATE = range(5)

REPEAT: Final = 3  # so many times the same statement in one unit of work is a repeat
NEVER: Final = 1 << 62
LONGEST: Final = 300  # entries of a timeline
YEAR: Final = 366 * 86_400 * 10**9  # nanoseconds; nothing takes longer, but by a clock that was set


class Seen:
    """One distinct statement of a unit of work: its text, how often, and how long.

    Times in nanoseconds: ``ns`` executing, ``least`` of them the shortest, ``fetch`` fetching where
    that is seen. ``due`` is the count at which ``sql.repeated`` hears of it next, ``note`` is
    whatever that hook keeps, ``line`` what ``met`` has found: where it was asked first.
    """

    __slots__ = (
        *("alias", "count", "due", "failed", "fetch", "least", "line", "note", "ns", "rows", "sql"),
    )

    def __init__(self, alias: str, sql: Any, due: int = REPEAT) -> None:
        self.alias = alias
        self.sql = sql
        self.count = self.rows = self.ns = self.fetch = self.failed = 0
        self.least = NEVER
        self.due = due
        self.note: Any = None
        self.line: str | None = None


if compiled is not None:
    Seen = compiled.Seen  # type: ignore[misc]

#: What a record without a statement has seen: one for all of them, and never written.
NOTHING: Final[dict[Any, Seen]] = {}


class Rare:
    """What most units of work have nothing of."""

    __slots__ = ("overlap", "rows", "streamed", "unsafe")

    def __init__(self) -> None:
        self.rows = self.overlap = self.streamed = self.unsafe = 0


class Core:
    """A record's times and counts, and its timeline."""

    __slots__ = (
        *("kind", "name", "status", "size", "raised", "queries", "connects", "connecting"),
        *("start", "last", "wall", "stack", "parts", "concurrent"),
        *("cpu", "cpu_started", "threads", "simple", "rare", "pending", "store", "row"),
        *("statements", "reads", "client", "queued"),
    )
    #: What the unit has read, for the cache's room; not set before it is asked for.
    reads: Any

    def __init__(self, kind: str, name: str, store: Store) -> None:
        self.kind = kind
        self.name = name
        self.store = store
        self.row: Route | None  # known from the moment the view is
        self.rare: Rare | None
        self.pending: list[Callable[[], None]] | None
        self.threads: list[int] | None
        self.queued: int | None  # before it came to us; behind a proxy each request has it
        self.row = self.rare = self.pending = self.threads = self.queued = None
        self.status = self.size = self.queries = self.concurrent = 0
        self.connects = self.connecting = 0
        self.client = 0  # who asks, see ``_clients``
        self.raised = False
        self.simple = True  # one thread, so that a leaf of the timeline needs no stack
        self.statements = NOTHING  # by raw SQL, see ``_statements``
        self.stack = [VIEW]
        self.parts = [0, 0, 0, 0, 0]
        self.wall = self.cpu = 0
        self.cpu_started: int | None = thread_time_ns()
        self.start = self.last = perf_counter_ns()

    def enter(self, part: int) -> None:
        """From now on the time belongs to ``part``."""
        now = perf_counter_ns()
        stack = self.stack
        top = stack[-1]
        elapsed = now - self.last
        self.parts[top] += elapsed
        self.last = now
        if self.concurrent > 0:
            self.seldom().overlap += elapsed * self.concurrent
        if 0 < top < TEMPLATE and part < TEMPLATE and (top != CACHE or part != DB):
            self.concurrent += 1  # nothing a part does opens another, a cache in a database aside
        stack.append(part)

    def leave(self, part: int) -> None:
        """``part`` is over; what was under it goes on."""
        now = perf_counter_ns()
        stack = self.stack
        elapsed = now - self.last
        self.parts[stack[-1]] += elapsed
        self.last = now
        if self.concurrent > 0:  # threads that share a record may have left it below
            self.seldom().overlap += elapsed * self.concurrent
            self.concurrent -= 1
        if stack[-1] == part:
            stack.pop()
        else:  # it was not opened last: a sibling under gather still runs
            with suppress(ValueError):  # in one step: threads that share a record are in it, too
                stack.remove(part)

    def close(self) -> None:
        """Stop the clocks. Called once; closing again changes nothing that is read."""
        now = perf_counter_ns()
        parts, cpu = self.parts, self.cpu
        parts[self.stack[-1]] += now - self.last
        self.last = now
        self.wall = wall = now - self.start
        if self.cpu_started is not None:
            cpu += thread_time_ns() - self.cpu_started
            self.cpu_started = None
        # Clocks of different grain, threads side by side, or another one's that it has ended in.
        self.cpu = cpu if 0 <= cpu < wall else wall if cpu > 0 else 0
        if min(parts) < 0 or not 0 < wall < YEAR:
            self._settle()

    def seldom(self) -> Rare:
        raise NotImplementedError

    def _settle(self) -> None:
        raise NotImplementedError


if compiled is not None:
    Core = compiled.Core  # type: ignore[misc]


class Record(Core):
    """A unit of work: a request, a task, a command. Times in nanoseconds."""

    __slots__ = ()
    #: True while a command or a test asks a page again: rooms above bypass what they keep for it.
    replaying = False

    def seldom(self) -> Rare:
        if self.rare is None:
            self.rare = Rare()
        return self.rare

    def _settle(self) -> None:
        """A thread has carried the record along: what ran side by side is overlap, not wall."""
        if not 0 < self.wall < YEAR:
            return self._forget_times()
        excess = -sum(ns for ns in self.parts if ns < 0)
        self.parts = [max(ns, 0) for ns in self.parts]
        if excess < YEAR:  # or the clock was another one for a while
            self.seldom().overlap += excess
        for part in sorted(range(len(self.parts)), key=self.parts.__getitem__, reverse=True):
            taken = min(excess, self.parts[part])
            self.parts[part] -= taken
            excess -= taken

    def _forget_times(self) -> None:
        """A test has set or frozen the clock in between: the unit counts, and took no time."""
        self.wall, self.cpu, self.connecting = 1, 0, 0  # 0 is what has not ended
        self.parts = [0, 0, 0, 0, 0]
        if self.rare is not None:
            self.rare.overlap = 0

    def pause_cpu(self) -> None:
        """From now on other coroutines may run on this thread: its CPU clock is not ours."""
        if self.cpu_started is not None:
            self.cpu += thread_time_ns() - self.cpu_started
            self.cpu_started = None

    @property
    def where(self) -> dict[str, float]:
        """Seconds per part; ``view`` is what no other part claims."""
        return {name: ns / 1e9 for name, ns in zip(PARTS, self.parts, strict=True)}


class SampledRecord(Record):
    """One record in sixteen also splits CPU by part, keeps the order of its statements, and counts
    what measuring itself costs.
    """

    __slots__ = ("aside", "closed", "cpu_last", "cpu_parts", "probed", "timeline")

    def __init__(self, kind: str, name: str, store: Store) -> None:
        super().__init__(kind, name, store)
        self.simple = False
        self.cpu_parts = [0, 0, 0, 0, 0]  # of a view: what is left of the whole
        self.cpu_last = get_ident(), self.cpu_started or 0  # the thread whose clock it is
        self.probed = 0
        self.closed = 0  # the thread's CPU clock at the end
        self.aside = 0  # what was done since then for other units, too
        #: (start since the record's, duration, statement), the first of a long one.
        self.timeline: list[tuple[int, int, Seen]] = []

    def enter(self, part: int) -> None:
        self._charge_cpu()
        super().enter(part)

    def leave(self, part: int) -> None:
        self._charge_cpu()
        super().leave(part)

    def close(self) -> None:
        super().close()
        self.closed = thread_time_ns()

    def _charge_cpu(self) -> None:
        thread, cpu = get_ident(), thread_time_ns()
        known, last = self.cpu_last
        if known == thread:  # another one's clock says nothing of what was done since
            self.cpu_parts[self.stack[-1]] += cpu - last
        self.cpu_last = thread, cpu
        self.probed += 1


if compiled is not None:

    class SampledRecord(compiled.Sampled, Record):  # type: ignore[misc,no-redef]
        """The same, of the same attributes."""

        __slots__ = ()


current: ContextVar[Record | None] = ContextVar("unhurried_record", default=None)
if compiled is not None:
    compiled.record_wire(
        nothing=NOTHING,
        current=current,
    )
if hasattr(os, "register_at_fork"):  # the record under way is the parent's to finish
    os.register_at_fork(after_in_child=lambda: current.set(None))


def under_way() -> Record | None:
    """The unit of work that this code is part of; None in a task that has outlived its own."""
    record = current.get()
    return None if record is None or record.wall else record


class Stepped:
    """Awaits a coroutine step by step and adds the CPU time of its own steps only.

    Between two steps the thread runs other requests; a plain difference of ``thread_time`` over an
    ``await`` counts theirs too, ten times too much under load. Nothing is added where the thread
    is busy with the same record already.
    """

    __slots__ = ("coroutine", "record")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], record: Record) -> None:
        self.coroutine = coroutine
        self.record = record

    def __await__(self) -> Generator[Any, Any, Any]:
        record, steps = self.record, self.coroutine.__await__()
        send: Callable[[Any], Any] = steps.send
        value: Any = None
        while True:
            begun, began = _frames.begin(record), thread_time_ns()
            try:
                awaited = send(value)
            except StopIteration as end:
                return end.value
            finally:
                if not _frames.around(begun, record):
                    record.cpu += thread_time_ns() - began
                _frames.end(begun)
            try:
                send, value = steps.send, (yield awaited)
            except BaseException as error:  # boundary: whatever is thrown in belongs to the view
                send, value = steps.throw, error
