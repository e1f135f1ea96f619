"""One request for a cached page: what it asks for, what was found, what is said about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings as django_settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .._audience import is_preview
from .._audience._quiet import has_messages
from .._audience._watch import silence
from .._engine import _counts, _refreshing
from .._engine._compute import note, release
from .._engine._look import glance, insist, look, use
from .._engine._lookup import SERVED, Lookup, again
from .._units._requests import begun
from .._units._unit import unit_now
from . import _headers, _refused, _told
from ._answer import QUIET, fitting, fresh_for, respond, share
from ._key import JUST_WROTE, Found, bypassed, key_for

if TYPE_CHECKING:
    from ._making import Making
    from ._page import CachedPage

#: Where a request carries its visit.
PLACE: Final = "_unhurried_visit"


@dataclass(slots=True)
class Visit:
    """``lookup`` is None where the request is none for the cache: ``reason`` says why."""

    page: CachedPage
    request: HttpRequest
    reason: str = ""
    lookup: Lookup | None = None
    #: Found by the middleware, so that the final response may be kept: see ``_through``.
    early: bool = False
    claimed: bool = False
    making: Making | None = None
    #: Of the first one of a request: pages whose views are through, and nobody has rendered yet.
    unrendered: list[Making] = field(default_factory=list)
    #: What the functions in its key have looked at.
    allowed: frozenset[str] = frozenset()
    #: Headers of the request that the middleware has set aside.
    aside: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return "" if self.lookup is None else self.lookup.key

    def serves(self) -> bool:
        return self.lookup is not None and self.lookup.act in SERVED

    @property
    def has_holes(self) -> bool:
        """Whether something of it has still to be made, for which the database may be asked."""
        entry = self.lookup.entry if self.lookup is not None else None
        if entry is None:
            return False
        return "holes" in entry.meta or _told.is_spoken_to(self.request, entry.meta)

    def served(self) -> HttpResponseBase:
        """The response from the entry; and if it is old, somebody is asked for a new one."""
        lookup = self.lookup
        assert lookup is not None
        assert lookup.entry is not None
        _counts.hit(self.page.name, lookup.state, lookup.entry.delta)
        if lookup.act == "refresh":
            _refreshing.ask(lookup)
        return self.answered(lookup)

    def answered(self, lookup: Lookup) -> HttpResponseBase:
        entry = use(lookup)
        index = fitting(self.request, entry) or 0
        fresh = lookup.state == "fresh"
        status = _headers.hit(fresh_for(entry, fresh=fresh))
        response = respond(self.request, entry, index, self.detailed(status))
        if fresh:
            share(self.request, response, entry, self.page)
        return response

    def passed(self, response: Any) -> Any:
        """The view's own response, which nobody keeps."""
        if isinstance(response, HttpResponseBase):
            why = "method" if self.reason == "its method" else "bypass"
            _headers.add_status(response, self.detailed(_headers.forwarded(why)))
        return response

    def detailed(self, status: str) -> str:
        return self.details(status) if django_settings.DEBUG else status

    def details(self, status: str) -> str:
        reason = self.reason or (self.lookup.reason if self.lookup else "")
        return _headers.with_details(status, reason, self.key)

    def give_up(self) -> None:
        """What is not rendered will not be any more: another has come in its place."""
        for making in self.unrendered.copy():
            making.go_on()
            making.refuse("its response was not rendered")
            making.close()

    def give_back(self, reason: str = "") -> None:
        """The middleware's lease, which nobody has claimed; ``reason`` is for all who come."""
        if self.lookup is not None and self.lookup.act == "compute":
            if reason:
                note(self.lookup, reason)
            release(self.lookup)

    def restore(self) -> None:
        """The request as it came, for whoever answers it now."""
        self.request.META.update(self.aside)
        self.aside = {}


def _recorded(page: CachedPage) -> None:
    """A page for one user is found by asking for the user, which is part of making it."""
    unit = unit_now()
    if page.options.by and unit is not None:
        begun(unit)


def arrive(page: CachedPage, request: HttpRequest, call: tuple[Any, Any] | None) -> Visit:
    """The visit with its lookup, or the middleware's if it is to the same entry."""
    before: Visit | None = request.__dict__.get(PLACE)
    reason = bypassed(request.META, request.method, page.options)
    reason = reason or ("a preview" if is_preview(request) else "")
    found = Found(reason=reason)
    if not reason:
        _recorded(page)
        found = key_for(page.name, page.options, request, call)
    if before is not None and not before.claimed:
        before.claimed = True
        if found.key and before.key == found.key:
            _heard(before)
            return before
        before.give_back()
        before.restore()
        before = None
    visit = Visit(page, request, found.reason, claimed=True)
    if found.reason:
        _refused.count(page.name, found.reason)
    else:
        find(visit, found)
        _heard(visit)
    if before is None:
        request.__dict__[PLACE] = visit
    return visit


def _heard(visit: Visit) -> None:
    """Whoever has messages that can't be put into what is kept gets a page of his own."""
    lookup = visit.lookup
    entry = lookup.entry if lookup is not None and lookup.act in SERVED else None
    quiet = entry is not None and QUIET in entry.meta
    if lookup is None or entry is None or not quiet or not has_messages(visit.request):
        return
    if reason := _told.refusal(entry):
        lookup.act, lookup.reason = "bypass", f"there are messages to show: {reason}"


def find(visit: Visit, found: Found, seen: Lookup | None = None) -> None:
    """Look it up, if it was not ``seen`` a moment ago, and say what is to be done."""
    policy, request, key = visit.page.policy, visit.request, found.key
    visit.allowed = found.allowed
    with silence():  # a page around this one does not depend on it
        wrote = JUST_WROTE in request.COOKIES
    if reason := _refused.passes(key):
        visit.lookup = Lookup(policy, key, (found.label,), None, reason=reason)
    elif request.method == "HEAD":
        visit.lookup = _headed(glance(policy, key), wrote=wrote)
    else:
        visit.lookup = look(policy, key, (found.label,), wrote=wrote, seen=seen)
    if again.get():
        again.set(False)  # what it reads is not meant
        insist(visit.lookup)
    _unreadable(visit, visit.lookup)


def _headed(lookup: Lookup, *, wrote: bool) -> Lookup:
    """HEAD gets what GET would, but makes nothing: a view may do less for it."""
    old = lookup.state == "changed" and (wrote or lookup.policy.on_change == "wait")
    if lookup.entry is not None and not lookup.reason and lookup.state != "missing" and not old:
        lookup.act = "serve"
    else:
        lookup.reason = lookup.reason or "HEAD makes no entry"
    return lookup


def _unreadable(visit: Visit, lookup: Lookup) -> None:
    """An entry that only others can read: its one body is encoded."""
    if lookup.act in SERVED and lookup.entry and fitting(visit.request, lookup.entry) is None:
        lookup.act, lookup.reason = "bypass", "it is kept in another encoding"
