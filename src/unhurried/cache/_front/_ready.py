"""An answer made once and sent many times: its headers change once a second, its body never."""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags

from .._engine._entry import Entry
from .._pages import _headers
from .._pages._answer import QUIET
from .._pages._conditional import ALSO, unless_known

#: So many times as long as it took to make, before its end, an entry is never refreshed early: the
#: chance is e to the minus fiftieth.
SURE: Final = 50
#: What a 304 says, as RFC 9110 and Django have it.
UNCHANGED: Final = frozenset(
    each.lower()
    for each in (
        *("Cache-Control", "Content-Location", "Date", "ETag", "Expires", "Last-Modified", "Vary"),
        *ALSO,
    )
)

Headers = list[tuple[str, str]]


class Ready:
    """One of an entry's bodies, with its headers."""

    __slots__ = (
        *("body", "checks", "entry", "etag", "headers", "index", "quiet", "second", "sure"),
        *("template", "used"),
    )

    def __init__(self, entry: Entry, index: int, checks: tuple[Callable[[], bool], ...]) -> None:
        self.entry, self.index, self.checks = entry, index, checks
        self.body = entry.bodies[index]
        self.quiet: bool = QUIET in entry.meta  #: Good for those without messages.
        self.etag: str = entry.meta["etags"][index]
        self.sure = entry.soft - SURE * entry.delta  #: until then it is fresh if it holds
        self.second = -1
        self.headers: Headers = []
        self.template = HttpResponse()
        #: Called once in a second in which it is sent.
        self.used: Callable[[float], None] | None = None

    def holds(self) -> bool:
        """Whether it is still what is kept, by all who know."""
        for check in self.checks:  # noqa: SIM110 - a generator costs more
            if not check():
                return False
        return True

    def dress(self, now: float) -> Headers:
        """The headers of this second."""
        if int(now) != self.second:
            if self.used is not None:
                self.used(now)
            entry, meta, index = self.entry, self.entry.meta, self.index
            encoding = meta["encodings"][index]
            self.headers = [
                *meta["headers"].items(),
                ("Content-Length", str(len(self.body))),
                ("ETag", self.etag),
                ("Age", str(max(0, int(now - entry.created)))),
                *([("Content-Encoding", encoding)] if encoding else ()),
                ("Cache-Status", _headers.hit(entry.soft - now)),
            ]
            self.template = HttpResponse(headers=dict(self.headers))
            self.second = int(now)
        return self.headers

    def response(self, request: HttpRequest) -> HttpResponseBase:
        """A response of its own, at the price of a copy."""
        self.dress(time())
        response = _copied(self.template)
        response.content = b"" if request.method == "HEAD" else self.body
        if "HTTP_IF_NONE_MATCH" in request.META:
            return unless_known(request, response)
        return response

    def known(self, if_none_match: str) -> bool:
        """Whether the reader has this body already."""
        if if_none_match == self.etag:
            return True
        found = [etag.removeprefix("W/") for etag in parse_etags(if_none_match)]
        return self.etag in found or "*" in found


def unchanged(headers: Headers) -> Headers:
    return [each for each in headers if each[0].lower() in UNCHANGED]


def _copied(template: HttpResponse) -> HttpResponse:
    """As ``HttpResponse(headers=…)``, whose headers have been checked and encoded before."""
    response = HttpResponse.__new__(HttpResponse)
    vars(response).update(vars(template), _resource_closers=[])
    headers: Any = type(template.headers)({})
    kept: Any = template.headers
    headers._store = dict(kept._store)
    response.headers, response.cookies = headers, type(template.cookies)()
    return response
