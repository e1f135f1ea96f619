"""The middleware's half: a page that is kept whole is sent before the rest of Django has worked,
and what is made is kept once the rest of the middleware has seen it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Final, cast

from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch
from django.utils import translation

from unhurried.measure.reading import Record

from .._functions import _registry
from .._units import _requests
from .._units._unit import unit_now
from . import _language, _matches
from ._answer import CONDITIONS
from ._key import JUST_WROTE, READ, bypassed, key_for
from ._making import Failed
from ._page import CachedPage, instead
from ._visit import PLACE, Visit, find

#: Seconds for which who has just written something gets nothing old.
GRACE: Final = 10
#: What a page is made without, so that it is whole and plain whoever comes first.
ASIDE: Final = (*CONDITIONS, "HTTP_ACCEPT_ENCODING")

GetResponse = Callable[[HttpRequest], Any]


class Through:
    """Around the rest of the middleware, once something is cached."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.early = _matches.allowed()

    def __call__(self, request: HttpRequest) -> Any:
        _requests.enter(request.path_info)
        match = self._match(request)
        visit = None if match is None else _before(request, match)
        if visit is not None and _is_final(visit):
            visit.claimed = True
            return visit.served()
        try:
            response = self.get_response(request)
        except BaseException as error:  # boundary: none; a lease is not taken along
            _dropped(request, error)
            raise
        return _after(request, response)

    async def acall(self, request: HttpRequest) -> Any:
        """The same; the servers are asked in a thread, the rest of it needs none."""
        _requests.enter(request.path_info)
        match = self._match(request)
        visit = None if match is None else await sync_to_async(_before)(request, match)
        if visit is not None and _is_final(visit):
            visit.claimed = True
            return visit.served()
        try:
            response = await self.get_response(request)
        except BaseException as error:  # boundary: as above
            _dropped(request, error)
            raise
        if PLACE in request.__dict__:
            return await sync_to_async(_after)(request, response)
        return _after(request, response)

    def _match(self, request: HttpRequest) -> ResolverMatch | None:
        if not self.early or request.method not in READ:
            return None
        language = _language_of(request)
        with _speaking(language):
            return _matches.match(request.path_info, language)


def _before(request: HttpRequest, match: ResolverMatch) -> Visit | None:
    """A visit, with what was found; None where the decorator will say why not."""
    page = cast(CachedPage, match.func)
    if bypassed(request.META, request.method, page.options):
        return None
    with _speaking(_language_of(request)):
        found = key_for(page.name, page.options, request, None)
    if found.reason:
        return None
    visit = Visit(page, request, early=True)
    request.__dict__[PLACE] = visit
    find(visit, found)
    if _is_final(visit):
        request.resolver_match = match  # it is measured under its route
    elif visit.lookup is not None and visit.lookup.act in ("compute", "wait"):
        visit.aside = {name: request.META.pop(name) for name in ASIDE if name in request.META}
    return visit


def _is_final(visit: Visit) -> bool:
    entry = visit.lookup.entry if visit.lookup is not None else None
    return visit.serves() and entry is not None and bool(entry.meta.get("final"))


def _after(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    visit: Visit | None = request.__dict__.get(PLACE)
    if visit is not None:
        response = _kept(visit, response)
    unit = unit_now()
    if unit is not None and unit.wrote and request.method not in READ and _matters():
        _remember(request, response)
    return response


def _kept(visit: Visit, response: HttpResponseBase) -> HttpResponseBase:
    if not visit.claimed:
        visit.give_back("a middleware has answered before the view")
    visit.restore()
    making, visit.making = visit.making, None
    if making is None or not making.open:
        return response
    try:
        return making.keep(response, final=True)
    except Failed as failed:
        return instead(visit, making.lookup, failed)


def _dropped(request: HttpRequest, error: BaseException) -> None:
    visit: Visit | None = request.__dict__.get(PLACE)
    if visit is None:
        return
    if not visit.claimed:
        visit.give_back()
    if visit.making is not None:
        visit.making.close(error)


def _remember(request: HttpRequest, response: HttpResponseBase) -> None:
    """Who has just written sees what he wrote, also where others may still get the old page."""
    response.set_cookie(
        *(JUST_WROTE, "1"),
        max_age=GRACE,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def _matters() -> bool:
    return any(each.policy.on_change != "wait" for each in _registry.known.values())


def _language_of(request: HttpRequest) -> str | None:
    cookie = request.COOKIES.get(django_settings.LANGUAGE_COOKIE_NAME)
    accepted = str(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))
    return _language.chosen(request.path_info, cookie, accepted)


def _speaking(language: str | None) -> Any:
    return nullcontext() if language is None else translation.override(language)


Looks = Callable[[HttpRequest], Any]


def teller(looks: Looks) -> Callable[[HttpRequest, HttpResponseBase, Record], HttpResponseBase]:
    """A step that tells staff why, and under which key; ``looks`` says who they are."""

    def tell(request: HttpRequest, response: HttpResponseBase, _: Record) -> HttpResponseBase:
        visit: Visit | None = request.__dict__.get(PLACE)
        if visit is not None and not django_settings.DEBUG and looks(request):
            _tell(visit, response)
        return response

    return tell


def ateller(looks: Looks) -> Callable[[HttpRequest, HttpResponseBase, Record], Any]:
    """The same for coroutines."""

    async def tell(request: HttpRequest, response: HttpResponseBase, _: Record) -> HttpResponseBase:
        visit: Visit | None = request.__dict__.get(PLACE)
        if visit is not None and not django_settings.DEBUG and await looks(request):
            _tell(visit, response)
        return response

    return tell


def _tell(visit: Visit, response: HttpResponseBase) -> None:
    status = response.get("Cache-Status")
    if status:
        response["Cache-Status"] = visit.details(status)
