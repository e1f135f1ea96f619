"""The middleware: it opens the record, lets the rooms have the response, and knows no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings as django_settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import get_resolver

from unhurried import dashboard
from unhurried.cache._functions._registry import known as cached
from unhurried.cache._pages import _through as pages
from unhurried.cache.reading import PICTURE
from unhurried.conf import settings
from unhurried.dashboard import _staff
from unhurried.measure import _frames
from unhurried.measure import _request as measure
from unhurried.measure._compiled import compiled
from unhurried.measure._record import Record, Stepped, current
from unhurried.queries._budget import _enforcing as budgets

GetResponse = Callable[[HttpRequest], Any]
SURROGATE: Final = "HTTP_SURROGATE_CAPABILITY"  # only such a request has an edge to be told things

#: (sync, async) steps on the finished response, outermost last, after that of the budgets, which
#: is for pages that have asked a database. These are for staff, whom a cookie tells, and for DEBUG:
#: most pages of most sites end before them.
AFTER = (
    (pages.teller(_staff.looks), pages.ateller(_staff.alooks)),
    (dashboard.decorate, dashboard.adecorate),
)


def after(request: HttpRequest, response: HttpResponseBase, record: Record) -> HttpResponseBase:
    for decorate, _ in AFTER:
        response = decorate(request, response, record)
    return response


class UnhurriedMiddleware:
    """Measures each request, and serves kept pages; put it first, so that it sees the others."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.measures, self.loaded = settings.MEASURE, False
        self.through = pages.Through(get_response)
        self.is_async = iscoroutinefunction(get_response)
        self.process_view = measure.aresolved if self.is_async else measure.resolved
        if self.is_async:
            markcoroutinefunction(self)

    def _way(self, request: HttpRequest) -> GetResponse:
        """Through what is kept, here or by an edge, if anything is."""
        if not self.loaded:
            self._load()
        keeps = cached or (SURROGATE in request.META and settings.SURROGATES)
        if self.is_async:
            return self.through.acall if keeps else self.get_response
        return self.through if keeps else self.get_response

    def _load(self) -> None:
        """Load the URLs once, whose views say what is cached: the first page is one of them."""
        self.loaded = True
        try:
            _ = get_resolver().url_patterns
        except Exception:  # boundary: the site's own code; Django tells who asks for a page
            pass

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self.__acall__(request)
        record = measure.begin(request) if self.measures else None
        get_response, meta = self.get_response, request.META
        if cached or not self.loaded or SURROGATE in meta:
            get_response = self._way(request)
        if PICTURE in meta.get("QUERY_STRING", ""):
            get_response = dashboard.pictured(get_response)
        if record is None:
            return get_response(request)
        token, begun = current.set(record), _frames.begin(record)
        try:
            response = get_response(request)
        except BaseException as error:
            measure.abandon(record, error)
            raise
        finally:
            current.reset(token)
            _frames.end(begun)
        measure.end(record, request, response)
        if record.queries:
            budgets.compare(record, response)
        if "HTTP_COOKIE" in meta or django_settings.DEBUG:
            response = after(request, response, record)
        return response

    async def __acall__(self, request: HttpRequest) -> Any:
        record = measure.begin_async(request) if self.measures else None
        get_response, meta = self.get_response, request.META
        if cached or not self.loaded or SURROGATE in meta:
            get_response = self._way(request)
        if PICTURE in meta.get("QUERY_STRING", ""):
            get_response = dashboard.apictured(get_response)
        if record is None:
            return await get_response(request)
        token = current.set(record)
        try:
            response = await Stepped(get_response(request), record)
        except BaseException as error:
            measure.abandon(record, error)
            raise
        finally:
            current.reset(token)
        measure.end(record, request, response)
        if record.queries:
            budgets.compare(record, response)
        if "HTTP_COOKIE" in meta or django_settings.DEBUG:
            for _, adecorate in AFTER:
                response = await adecorate(request, response, record)
        return response


if compiled is not None:
    compiled.middleware_wire(
        call=UnhurriedMiddleware.__call__,
        abandon=measure.abandon,
        after=after,
        compare=budgets.compare,
        cached=cached,
        requests=_frames.requests,
        picture=PICTURE,
        settings=django_settings,
        kept=vars(django_settings),
    )
    UnhurriedMiddleware.__call__ = compiled.call  # type: ignore[method-assign]
