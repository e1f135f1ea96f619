"""The middleware's half: a page that is kept whole is sent before the rest of Django has worked,
and what is made is kept once the rest of the middleware has seen it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeGuard

from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from unhurried.conf import settings
from unhurried.measure.reading import Record, is_replayed

from .._audience import is_preview
from .._audience._quiet import may_have
from .._edges import _includes, _offer
from .._edges._sharing import withhold
from .._engine import _counts
from .._engine._lookup import Lookup, again
from .._engine._policy import serving_old
from .._engine._wait import held
from .._front._asked import Asked, usual
from .._front._lane import Lane
from .._front._ready import Ready
from .._units import _requests
from .._units._unit import unit_now
from . import _headers, _language
from ._answer import QUIET
from ._conditional import CONDITIONS, at_the_end
from ._failed import Failed
from ._key import JUST_WROTE, READ, Found, bypassed, key_for
from ._page import CachedPage, instead
from ._visit import PLACE, Visit, find

#: Seconds for which who has just written something gets nothing old.
GRACE: Final = 10
#: What a page is made without, so that it is whole and plain whoever comes first.
ASIDE: Final = (*CONDITIONS, "HTTP_ACCEPT_ENCODING")

#: Where a request carries the key of what it was sent at once.
SENT: Final = "_unhurried_sent"

GetResponse = Callable[[HttpRequest], Any]


class Through:
    """Around the rest of the middleware, once something is cached."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.lane = Lane(_itself)

    def __call__(self, request: HttpRequest) -> Any:
        asked = self._asked(request)
        if asked is not None:
            found = self._found(request, asked)
            if isinstance(found, Ready):
                return _sent(request, asked, found)
            visit = _before(request, asked, found)
            if _is_final(visit):
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
        asked = self._asked(request)
        if asked is not None:
            if asked.at_hand:
                found = self._found(request, asked)
            else:
                found = await sync_to_async(self._found)(request, asked)
            if isinstance(found, Ready):
                return _sent(request, asked, found)
            visit = await held(partial(_before, request, asked, found), _given_back)
            if _is_final(visit):
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

    def _asked(self, request: HttpRequest) -> Asked | None:
        _requests.enter(request.path_info)
        if _offer.begin(request):
            return None  # what it is sent is put together by the decorator
        if is_preview(request):
            return None  # what is rendered for it is not what its path leads to
        return self.lane.asked(
            request.META, request.META.get("wsgi.url_scheme") or str(request.scheme), request
        )

    def _found(self, request: HttpRequest, asked: Asked) -> Ready | Lookup | None:
        """What is fresh and whole, as it lies there; or what was found of it."""
        if again.get() or is_replayed():
            return None  # it is to be made anew
        return self.lane.found(asked, request.META)


def _sent(request: HttpRequest, asked: Asked, ready: Ready) -> HttpResponseBase:
    request.resolver_match = asked.match  # it is measured under its route
    request.__dict__[SENT] = asked.key
    _counts.hit(asked.page.name, "fresh", ready.entry.delta)
    return ready.response(request)


def _itself(request: HttpRequest) -> HttpRequest:
    return request


def _before(request: HttpRequest, asked: Asked, seen: Lookup | None) -> Visit | None:
    """A visit, with what was found; None where the decorator will say why not."""
    page = asked.page
    if bypassed(request.META, request.method, page.options):
        return None
    found = Found(asked.key, asked.label) if asked.key else _key_of(request, page)
    if found.reason:
        return None
    visit = Visit(page, request, early=True)
    request.__dict__[PLACE] = visit
    find(visit, found, seen)
    if _is_final(visit):
        request.resolver_match = asked.match
    elif visit.lookup is not None and visit.lookup.act in ("compute", "wait"):
        visit.aside = {name: request.META.pop(name) for name in ASIDE if name in request.META}
    return visit


def _given_back(visit: Visit | None) -> None:
    if visit is not None:
        visit.give_back()


def _key_of(request: HttpRequest, page: CachedPage) -> Found:
    with usual(_language.of(request)):
        return key_for(page.name, page.options, request, None)


def _is_final(visit: Visit | None) -> TypeGuard[Visit]:
    if visit is None:
        return False
    entry = visit.lookup.entry if visit.lookup is not None else None
    if not visit.serves() or entry is None or not entry.meta.get("final"):
        return False
    return not (QUIET in entry.meta and may_have(visit.request.META))


def _after(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    visit: Visit | None = request.__dict__.get(PLACE)
    if visit is not None:
        response = _kept(visit, response)
    response = _includes.end(request, at_the_end(request, response))
    unit = unit_now()
    if unit is not None and unit.wrote and request.method not in READ and _may_show_old():
        _remember(request, response)
    return response


def _may_show_old() -> bool:
    """Here, or at an edge, which the purge reaches a moment later."""
    return bool(serving_old or settings.EDGES)


def _kept(visit: Visit, response: HttpResponseBase) -> HttpResponseBase:
    if not visit.claimed:
        visit.give_back("a middleware has answered before the view")
    visit.restore()
    visit.give_up()
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
    visit.give_up()
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


Looks = Callable[[HttpRequest], Any]


def teller(looks: Looks) -> Callable[[HttpRequest, HttpResponseBase, Record], HttpResponseBase]:
    """A step that tells staff why, and under which key; ``looks`` says who they are."""

    def tell(request: HttpRequest, response: HttpResponseBase, _: Record) -> HttpResponseBase:
        if _has_more(request) and looks(request):
            _tell(request, response)
        return response

    return tell


def ateller(looks: Looks) -> Callable[[HttpRequest, HttpResponseBase, Record], Any]:
    """The same for coroutines."""

    async def tell(request: HttpRequest, response: HttpResponseBase, _: Record) -> HttpResponseBase:
        if _has_more(request) and await looks(request):
            _tell(request, response)
        return response

    return tell


def _has_more(request: HttpRequest) -> bool:
    """Whether there is more to tell; in DEBUG it has been told."""
    held = request.__dict__
    return not django_settings.DEBUG and (PLACE in held or SENT in held)


def _tell(request: HttpRequest, response: HttpResponseBase) -> None:
    visit: Visit | None = request.__dict__.get(PLACE)
    status = response.get("Cache-Status")
    withhold(response)
    if status and visit is not None:
        response["Cache-Status"] = visit.details(status)
    elif status:
        response["Cache-Status"] = _headers.with_details(status, "", request.__dict__[SENT])
