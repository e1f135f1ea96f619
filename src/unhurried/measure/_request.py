"""A request as a unit of work: what the middleware calls before, during and after."""

from __future__ import annotations

import sys
import time
from asyncio import CancelledError
from collections.abc import AsyncIterator, Callable, Iterator
from threading import get_ident
from typing import Any

from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from . import _addresses, _frames, _paths, _queue, _store, _units
from ._compiled import compiled
from ._errors import StoreError, swallow
from ._folding import PATIENT, stop_waiting
from ._frames import blamed
from ._record import Record, SampledRecord, Stepped, current
from ._rows import STARTED
from ._seen import Samples
from ._units import active, finish, finish_streamed, finished, start

UNRESOLVED = "(none)"
CLIENT_GONE = 499  # nginx's number for a client that closed the connection
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
EVENTS = "text/event-stream"
#: Called with each request whose view is known, measured or not: rooms above are here for as long
#: as they look at one.
resolving: list[Callable[[HttpRequest], None]] = []


def begin(request: HttpRequest) -> Record | None:
    """A record for this request; None while measuring is off or the request is measured already."""
    outer = current.get()
    if outer is not None and outer.kind == "request" and not outer.wall:
        return None
    store = _store.opened or _store.current()
    if store is None:
        return None
    store.countdown -= 1
    if store.countdown > 0:  # ``start``, written out: each page pays for its calls
        record = Record("request", UNRESOLVED, store)
    else:
        store.countdown = store.cost.sample_every
        record = SampledRecord("request", UNRESOLVED, store)
    if store.clients is not None:
        record.client = store.clients.of(request.META)
    if "HTTP_X_REQUEST_START" in request.META:
        record.queued = _queue.waited(request.META)
    return record


def begin_async(request: HttpRequest) -> Record | None:
    """The same where coroutines share a thread: CPU is counted step by step, see ``Stepped``."""
    record = begin(request)
    if type(record) is SampledRecord:  # which splits the CPU of one thread
        sampled, record = record, Record("request", UNRESOLVED, record.store)
        record.client, record.queued = sampled.client, sampled.queued
    if record is not None:
        record.pause_cpu()
        record.simple, record.threads = False, [get_ident()]
    return record


def resolved(request: HttpRequest, view: object, args: object, kwargs: object) -> None:
    """The view is known: from now on the request is under way on its route (``process_view``)."""
    if resolving:
        for hear in tuple(resolving):  # others may begin and end meanwhile
            hear(request)
    record = current.get()
    if record is None or record.row is not None or record.kind != "request":
        return
    record.name = name = request.resolver_match.route or ""  # type: ignore[union-attr]
    store = record.store
    if store.left:
        return  # its slot may be somebody else's by now
    try:
        row = store.requests.get(name) or store.route(("request", name))
        with store.lock:
            row.lanes[STARTED] += 1
        if (kwargs or args or request.META.get("QUERY_STRING")) and request.method == "GET":
            _paths.look(store, row, request, record.start)
    except (OSError, StoreError) as error:
        return _store.fail(error, store)
    except Exception as error:  # boundary: a meter never breaks a page
        return swallow("measuring", error)
    record.row = row


async def aresolved(request: HttpRequest, view: object, args: object, kwargs: object) -> None:
    """The same, as a coroutine: Django would send a plain function to another thread."""
    resolved(request, view, args, kwargs)


def end(record: Record, request: HttpRequest, response: HttpResponseBase) -> None:
    """Close the record, at once or at the last byte of a streamed body."""
    try:
        record.status = response.status_code
        if record.row is None and request.resolver_match is not None:
            record.name = request.resolver_match.route or ""
        has_body = request.method == "GET" or _has_body(record, request.method)
        if response.streaming:
            return _follow(record, response)
        if has_body and getattr(response, "is_rendered", True):
            record.size = len(response.content)  # type: ignore[attr-defined]
    except Exception as error:  # boundary: a meter never breaks a page
        swallow("measuring", error)
    finish(record)


def _has_body(record: Record, method: str | None) -> bool:
    """Whether the response to what is no GET has; where it may have changed something, count it."""
    if method not in SAFE:
        record.seldom().unsafe = 1
    return method != "HEAD"


def abandon(record: Record, error: BaseException) -> None:
    """No response came: a bug above every handler of Django's, or the client has gone."""
    record.raised = not isinstance(error, (CancelledError, GeneratorExit))
    record.status = 500 if record.raised else CLIENT_GONE
    finish(record)


def _failed(error: BaseException, store: _store.Store) -> None:
    """What went wrong in a function that is compiled."""
    if isinstance(error, OSError | StoreError):
        _store.fail(error, store)
    elif isinstance(error, Exception):
        swallow("measuring", error)
    else:
        raise error


if compiled is not None:
    compiled.request_wire(
        begin=begin,
        resolved=resolved,
        end=end,
        failed=_failed,
        stand=_units.stand,
        stop_waiting=stop_waiting,
        may_be_proxy=_addresses.may_be_proxy,
        waited=_queue.waited,
        parse=_queue.parse,
        look=_paths.look,
        resolving=resolving,
        sampled=SampledRecord,
        weigh=_units.weigh,
        finished=finished,
        store_globals=vars(_store),
        paths_globals=vars(_paths),
        record=Record,
        response=HttpResponse,
        patient=PATIENT,
        oldest_ns=int(_queue.OLDEST * 1e9),
        ahead_ns=int(_queue.AHEAD * 1e9),
    )
    begin, resolved, end = compiled.begin, compiled.resolved, compiled.end


def _follow(record: Record, response: Any) -> None:
    """Go on measuring until the server closes the response, which it always does."""
    if response.get("Content-Type", "").startswith(EVENTS):
        found = _events(record, is_async=response.is_async)
        if found is None:
            return
        record = found
    record.seldom().streamed = 1
    record.pause_cpu()
    if getattr(response, "file_to_stream", None) is not None:  # may be sent by the kernel
        record.size = int(response.get("Content-Length") or 0)
    elif response.is_async:
        response.streaming_content = _count_async(record, response.streaming_content)
    else:
        response.streaming_content = _count(record, response.streaming_content)
    response.close = _closing(record, response.close)


def _events(record: Record, *, is_async: bool) -> Record | None:
    """A stream of events is open as long as its visitor is there, who does not wait for its end.

    So the request is over with its headers; what is done for the stream is a unit of its own.
    """
    finish(record)
    found = start("unit", f"events:{record.name}", sample=False)
    if found is not None and is_async:
        found.simple, found.threads = False, [get_ident()]
    return found


def _closing(record: Record, close: Callable[[], None]) -> Callable[[], None]:
    open_once = [record]

    def closing() -> None:
        try:
            close()
        finally:
            if open_once:
                finish_streamed(open_once.pop())

    return closing


def _count(record: Record, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same chunks, each made while this record is the current one."""
    while True:
        with active(record):
            begun, began = _frames.begin(record), time.thread_time_ns()
            try:
                chunk = next(chunks)
            except StopIteration:
                return
            except Exception:
                record.raised = True
                raise
            finally:
                record.cpu += time.thread_time_ns() - began
                _frames.end(begun)
        record.size += len(chunk)
        yield chunk


async def _count_async(record: Record, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        with active(record):
            try:
                chunk = await Stepped(_next(chunks), record)
            except StopAsyncIteration:
                return
            except Exception:
                record.raised = True
                raise
        record.size += len(chunk)
        yield chunk


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    """As a coroutine: an iterator of somebody else's may answer with whatever can be awaited."""
    return await anext(chunks)


def _raised(**kwargs: object) -> None:
    """Django is about to answer 500: sent once per request, whatever middleware does next."""
    record = current.get()
    if record is None:
        return
    record.raised = True
    error = sys.exc_info()[1]
    if error is not None and not record.store.left:
        _blame(record, error)


def _blame(record: Record, error: BaseException) -> None:
    """Count the line that it comes from, without a word of what it says."""
    store = record.store
    try:
        found = [where for blame in blamed if (where := blame(error)) is not None]
        with store.lock:
            samples = store.kept.get("raised") or store.kept.setdefault("raised", Samples(store))
            for where in found:
                samples.count(record, where, 0)
            samples.write(int(time.time()))
    except (OSError, StoreError) as failed:
        _store.fail(failed, store)
    except Exception as failed:  # boundary: a meter never breaks a page, least of all this one
        swallow("the line of an error", failed)


def install() -> None:
    got_request_exception.connect(_raised, dispatch_uid="unhurried.raised")
