"""``hang_on``: the decorator, and what becomes of one request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.core.handlers.base import BaseHandler
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from unhurried.measure.reading import current

from .._kick import kick
from . import _answers, _rows
from ._asked import asked, key_of, kind, owner, preferred_wait
from ._lane import LANE
from ._options import Key, Options, checked

View = Callable[..., Any]
AGAIN: Final = 1.0  # seconds after which whoever waits kicks again, as a kick may be lost
ANSWER: Final = 0.03  # seconds that the waiting page takes to be made
CRAWLER: Final = 10.0  # seconds that a crawler waits at most


class Page:
    """A decorated view."""

    def __init__(self, inner: View, options: Options) -> None:
        self.inner = inner
        self.options = options
        self.name = f"{inner.__module__}.{inner.__qualname__}"

    def before(self, request: HttpRequest) -> Visit | HttpResponse:
        """Join the work, or ask for it; or answer those who may not begin one."""
        visit = Visit(self, request)
        row = _rows.seen(visit.key)
        if _rows.is_over(row):
            return visit.answer(row)
        if visit.kind in ("prefetch", "head"):
            return _answers.plain(503 if visit.kind == "prefetch" else 202)
        if row is None or row.state not in _rows.OPEN:
            whose = owner(request)
            if _rows.open_of(whose) >= self.options.cap:
                return _answers.too_many(request, self.options.template)
            _rows.begin(visit.key, visit.asked, whose)
        visit.kick()
        return visit


class Visit:
    """One request that waits."""

    def __init__(self, page: Page, request: HttpRequest) -> None:
        options = page.options
        self.page, self.request, self.kind = page, request, kind(request)
        self.asked = asked(request, options)
        self.key = key_of(page.name, self.asked, options.key(request) if options.key else "")
        self.seconds = self._seconds(options)
        self.gone = _gone() if self.seconds == options.after else 0.0
        self.row: Any = None

    def _seconds(self, options: Options) -> float:
        if self.kind == "async":
            return preferred_wait(self.request, options.after, options.limit)
        if self.kind == "crawler":
            return min(CRAWLER, options.limit)
        return options.limit if self.kind == "api" else options.after

    def kick(self) -> None:
        using = _rows.works().db
        transaction.on_commit(partial(kick, LANE, label=self.page.name), using=using)

    def look(self) -> bool:
        self.row = _rows.seen(self.key)
        return self.row is None or _rows.is_over(self.row)

    def pauses(self) -> Iterator[float]:
        """Seconds to sleep between two looks, until it is time to answer anyhow."""
        now = time.monotonic()
        end, again, pause = now + self.seconds - self.gone, now + AGAIN, 0.02
        while (now := time.monotonic()) < end:
            if now > again:
                self.kick()
                again = now + AGAIN
            yield min(pause, end - now)
            pause = min(pause * 1.2, 0.05 if self.seconds <= 1 else 0.25)

    def answer(self, row: Any | None) -> HttpResponse:
        template = self.page.options.template
        if row is None:  # swept, or somebody emptied the table
            return _answers.plain(503)
        if not _rows.is_over(row):
            return self._not_yet(row, template)
        if self.kind == "poll":
            return _answers.plain(204, None)
        if row.state == "failed":
            return _answers.failed(self.request, row, template)
        return _answers.result(self.key) or _answers.plain(503)

    def _not_yet(self, row: Any, template: str) -> HttpResponse:
        if self.kind == "page":
            return _answers.waiting(self.request, row, template)
        if self.kind == "poll":
            return _answers.status_of(row)
        return _answers.accepted(row) if self.kind == "async" else _answers.plain(503)


def _gone() -> float:
    """Seconds since the request came in, where it is measured, and what the answer will take."""
    record = current.get()
    begun = 0.0 if record is None else (time.perf_counter_ns() - record.start) / 1e9
    return begun + ANSWER


def _is_direct(request: HttpRequest) -> bool:
    """Unsafe methods are not touched; and the work itself is not to wait for itself."""
    return request.method not in ("GET", "HEAD") or hasattr(request, "unhurried_work")


def hang_on(
    after: float = 0.3,
    *,
    key: Key | None = None,
    vary: tuple[str, ...] = (),
    keep: float = 60,
    limit: float = 60,
    cap: int = 4,
    template: str = "unhurried/hang_on.html",
) -> Callable[[View], View]:
    """Answer a slow GET view within ``after`` seconds: with its result, or with a waiting page.

    The view runs once for all who wait, in the background, with a request made again from method,
    URL, user and language: it sees no cookies, no session. Its result is served at the same URL
    for ``keep`` seconds, and whatever is decorated above runs on every request.

    Args:
        key: a function of the request; its str is part of what makes two requests the same.
        vary: names of request headers that the view reads; they are part of the key.
        limit: seconds for which clients other than browsers wait; then they get 503.
        cap: open works per user, or per address; beyond that 429.

    Raises:
        TypeError, ValueError: where it is written, for arguments that can't be meant.
        LaterError: on a request, if ``unhurried.later`` is not installed.
    """
    options = checked(Options(after, key, tuple_of(vary), keep, limit, cap, template))
    return partial(_decorated, options)


def tuple_of(vary: Any) -> Any:
    return tuple(vary) if isinstance(vary, list | tuple) else vary


def _decorated(options: Options, inner: View) -> View:
    page = Page(inner, options)
    view = _async(page) if iscoroutinefunction(inner) else _sync(page)
    view.hang_on = page  # type: ignore[attr-defined]
    return view


def _sync(page: Page) -> View:
    @transaction.non_atomic_requests  # who waits in a transaction does not see the work end
    @wraps(page.inner)
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if _is_direct(request):
            direct: View = BaseHandler().make_view_atomic(page.inner)
            response: HttpResponseBase = direct(request, *args, **kwargs)
            return response
        visit = page.before(request)
        if isinstance(visit, HttpResponse):
            return visit
        for pause in visit.pauses():
            if visit.look():
                break
            time.sleep(pause)
        visit.look()
        return visit.answer(visit.row)

    return view


def _async(page: Page) -> View:
    @wraps(page.inner)
    async def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if _is_direct(request):
            response: HttpResponseBase = await page.inner(request, *args, **kwargs)
            return response
        if hasattr(request, "auser"):
            request.user = await request.auser()
        visit = await sync_to_async(page.before)(request)
        if isinstance(visit, HttpResponse):
            return visit
        for pause in visit.pauses():
            if await sync_to_async(visit.look)():
                break
            await asyncio.sleep(pause)
        await sync_to_async(visit.look)()
        return await sync_to_async(visit.answer)(visit.row)

    return view
