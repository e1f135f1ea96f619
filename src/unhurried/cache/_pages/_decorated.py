"""What decorators around a view have done to a response that is not rendered yet: they do it to
each reader's, so it is set aside while the page is made and kept, and put back for this one.
"""

from __future__ import annotations

from typing import Any, Final

from django.http.response import HttpResponseBase

from .._audience import members

Changes = dict[str, Any]
#: Headers that are lists, to which who comes later adds; in all others he has the last word.
_LISTS: Final = frozenset({"vary", "cache-control"})
#: Of a body, which may be sent encoded otherwise.
_OF_A_BODY: Final = ("content-encoding", "content-length", "etag")


class Decorated:
    """Of one response, from the moment its view has returned it."""

    __slots__ = ("_cookies", "_headers", "_own_cookies", "_own_headers", "_response")

    def __init__(self, response: Any) -> None:
        self._response = response
        self._own_headers, self._own_cookies = _headers(response), _cookies(response)
        #: What is set aside: by its name, in small letters of a header; None: they took it away.
        self._headers: Changes = {}
        self._cookies: Changes = {}

    def has_acted(self) -> bool:
        now = _headers(self._response), _cookies(self._response)
        return now != (self._own_headers, self._own_cookies)

    def take_off(self) -> None:
        """Make the response what its view has made of it."""
        response = self._response
        self._headers = _changes(self._own_headers, _headers(response))
        self._cookies = _changes(self._own_cookies, _cookies(response))
        for low in self._headers:
            _set_header(response, low, self._own_headers.get(low))
        for name in self._cookies:
            _set_cookie(response, name, self._own_cookies.get(name))

    def take_off_beside(self, content: bytes, response: Any) -> bool:
        """The same of middleware; False, and nothing is done, where it is another page by now."""
        if response is not self._response or response.content != content:
            return False
        self.take_off()
        for low in _OF_A_BODY:
            self._headers.pop(low, None)
        return True

    def put_back(self, response: Any) -> Any:
        """Have it as if they met it now; it may be another one."""
        for low, header in self._headers.items():
            found = response.get(low, "")
            if header is not None and low in _LISTS and found:
                header = header[0], _added(found, header[1])
            _set_header(response, low, header)
        for name, morsel in self._cookies.items():
            _set_cookie(response, name, morsel)
        self._headers, self._cookies = {}, {}
        return response


def _headers(response: HttpResponseBase) -> dict[str, Any]:
    return {name.lower(): (name, value) for name, value in response.items()}


def _cookies(response: HttpResponseBase) -> dict[str, Any]:
    return {name: morsel.copy() for name, morsel in response.cookies.items()}


def _changes(before: Changes, now: Changes) -> Changes:
    names = {**now, **before}
    return {name: now.get(name) for name in names if now.get(name) != before.get(name)}


def _set_header(response: HttpResponseBase, low: str, header: tuple[str, str] | None) -> None:
    if header is None:
        del response[low]
    else:
        response[header[0]] = header[1]


def _set_cookie(response: HttpResponseBase, name: str, morsel: Any) -> None:
    if morsel is None:
        response.cookies.pop(name, None)
    else:
        response.cookies[name] = morsel


def _added(found: str, more: str) -> str:
    """A list with those members of another that it has not."""
    have = {each.lower() for each in members(found)}
    return ", ".join([found, *(each for each in members(more) if each.lower() not in have)])
