"""Opening and closing units of work: the one place that writes records to the store."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import isasyncgenfunction, isgeneratorfunction
from threading import get_ident
from time import thread_time_ns
from types import TracebackType
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction

from . import _frames, _nesting, _processes, _sampler, _store, _watch
from ._errors import StoreError, swallow
from ._folding import PATIENT, stop_waiting
from ._frames import blocks
from ._instruments import flush
from ._probes import sql
from ._record import Record, SampledRecord, Stepped, current, under_way
from ._rows import Route
from ._store import Store

Subscriber = Callable[[Any], None]
#: Called with each finished record, outside every lock: sinks subscribe here.
finished: list[Subscriber] = []
#: The same for requests whose body was streamed.
streamed: list[Subscriber] = []
#: The same for sampled units, once they have been weighed: for what is done once for many.
weighed: list[Subscriber] = []

#: The units that ``measured`` has opened here, None where it has joined one.
_opened: _nesting.Begun[Record | None] = ContextVar("unhurried_opened", default=())

F = TypeVar("F", bound=Callable[..., Any])


def start(kind: str, name: str, *, sample: bool = True) -> Record | None:
    """A new record, or None while measuring is off."""
    store = _store.opened or _store.current()
    if store is None:
        return None
    if sample and is_sampled(store):
        return SampledRecord(kind, name, store)
    return Record(kind, name, store)


def is_sampled(store: Store) -> bool:
    """True for one unit of work in sixteen; threads that count at once only shift which."""
    store.countdown = left = store.countdown - 1
    if left > 0:
        return False
    store.countdown = store.cost.sample_every
    return True


def finish(record: Record) -> None:
    """Close the record and add it to its row. Never raises, but for bugs under STRICT."""
    record.close()
    store = record.store
    if store.left:
        return  # not ours to write: opened before a fork, or for a store that has been left since
    row: Route | None = None
    try:
        row = record.row or store.route((record.kind, record.name))
        with store.lock:
            row.write(record)
            if record.client and store.clients is not None:
                store.clients.add(record.client, record.wall, record.status)
        if record.pending is not None:
            flush(record)
        if record.statements:
            store.asked.append(record)
            if len(store.asked) >= PATIENT or record.last > store.asked_until:
                stop_waiting(record)
    except (OSError, StoreError) as error:
        _store.fail(error, store)
    except Exception as error:  # boundary: a meter never breaks a page
        swallow("measuring", error)
    if finished:
        _tell(finished, record)
    if type(record) is SampledRecord and row is not None:
        weigh(record, row)
    if record.last > store.due and not store.left:
        stand(record)


def _tell(subscribers: list[Subscriber], record: Record) -> None:
    for subscriber in subscribers:
        try:
            subscriber(record)
        except Exception as error:  # boundary: one sink's trouble is not another's, nor the store's
            swallow("a sink", error)


def finish_streamed(record: Record) -> None:
    """The same for a request whose body was streamed."""
    finish(record)
    if streamed:
        _tell(streamed, record)


def weigh(record: SampledRecord, row: Route) -> None:
    """Write CPU by part, and what measuring this one cost, from the moment its clock stopped."""
    store = record.store
    try:
        own = store.cost.of(record, thread_time_ns() - record.closed - record.aside)
        if not store.left:
            with store.lock:
                row.write_sampled(record, own)
    except Exception as error:  # boundary: a meter never breaks a page
        swallow("measuring", error)
    _tell(weighed, record)


def stand(record: Record) -> None:
    """Stand for election, and have a watch; a command is soon over, and may fork: neither.

    Each process also says then what it is, and who its clients are if that may be shown.
    """
    if record.name.startswith("command:"):
        return
    try:
        _processes.describe(record)
        if record.store.clients is not None:
            record.store.clients.save()
        _sampler.stand(record.store, record.last)
        _watch.stand()
    except (OSError, StoreError) as error:
        _store.fail(error, record.store)
    except Exception as error:  # boundary: a meter never breaks a page
        swallow("measuring", error)


class measured:  # noqa: N801 - reads as a verb: with measured("nightly import")
    """A unit of work outside HTTP: ``with measured("import"):``, ``async with``, or a decorator.

    It is shown beside the routes under its own name, with its wall, CPU and database time, its
    queries, and an error if it raises. Inside a unit that is already open it joins that one.
    Around an ``await`` only the decorator on an ``async def`` knows the CPU time.

    ``with measured.statement(alias, sql, tables, writes):`` is for roads to the database that
    bypass cursors, such as COPY: counted and timed like any other statement.
    """

    statement = staticmethod(sql.statement)

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError(f"measured() wants the unit's name, a non-empty str, not {name!r}.")
        self.name = name
        self._last: Record | None = None  # the last, for a generator that ends elsewhere

    def __enter__(self) -> None:
        joined = under_way() is not None
        in_loop = _in_event_loop()
        record = None if joined else start("unit", self.name, sample=not in_loop)
        if record is not None:
            self._last = record
            current.set(record)
        if record is not None and in_loop:
            record.cpu_started = None  # other coroutines run on this thread's clock
            record.simple = False
        elif record is not None:
            blocks[get_ident()] = record
        _nesting.begin(_opened, self, record)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        record = _nesting.end(_opened, self, self._last)
        if record is not None and not record.wall:
            if current.get() is record:  # a generator may end it inside a request
                current.set(None)  # there was none, and a token is good in one context alone
            _frames.leave(record)
            record.raised = isinstance(error, Exception)
            finish(record)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(self, *exc: Any) -> None:
        self.__exit__(*exc)

    def __call__(self, function: F) -> F:
        name = self.name
        if isgeneratorfunction(function) or isasyncgenfunction(function):
            raise TypeError(
                f"@measured({name!r}) would time only the making of the generator "
                f"{function.__qualname__}; use `with measured({name!r}):` inside it."
            )
        if iscoroutinefunction(function):

            @functools.wraps(function)
            async def inner_async(*args: Any, **kwargs: Any) -> Any:
                with measured(name):
                    record = under_way()
                    call = function(*args, **kwargs)
                    return await (call if record is None else Stepped(call, record))

            return inner_async  # type: ignore[return-value]

        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            with measured(name):
                return function(*args, **kwargs)

        return inner  # type: ignore[return-value]


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@contextmanager
def active(record: Record) -> Iterator[None]:
    """Let the code inside charge its time to this record."""
    token = current.set(record)
    try:
        yield
    finally:
        current.reset(token)
