"""Which page is asked for, from the raw request: worked out once by Django, then remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings as django_settings
from django.http import HttpRequest, parse_cookie
from django.urls import ResolverMatch
from django.utils import timezone, translation

from unhurried.measure.reading import Answered

from .._pages import _language, _matches
from .._pages._key import forwarded, key_for, undeclared
from .._pages._page import CachedPage
from ._ready import Ready

Meta = Mapping[str, Any]
MOST: Final = 10_000


@dataclass(slots=True, eq=False)
class Asked:
    """A page and its key, "" where it has one for each reader.

    ``ready`` has an answer for each Accept-Encoding.
    """

    page: CachedPage
    match: ResolverMatch
    key: str = ""
    label: str = ""
    ready: dict[str, Ready] = field(default_factory=dict)
    #: Whether an answer may be had without a question to a server.
    at_hand: bool = False
    #: Seconds that its answers have saved, not counted yet.
    saved: float = 0.0
    #: What it was answered, not written yet.
    answers: list[Answered] = field(default_factory=list)


class Memory:
    """What each raw request has turned out to ask for; None: nothing that is sent from here."""

    def __init__(self, request_of: Callable[[Any], HttpRequest]) -> None:
        self._request_of = request_of
        self._known: dict[tuple[Any, ...], Asked | None] = {}
        self._forwarded = forwarded()
        self._by_language = _language.in_use()
        self._language_cookie = django_settings.LANGUAGE_COOKIE_NAME

    def find(self, meta: Meta, scheme: str, source: Any) -> Asked | None:
        """``source`` is what ``request_of`` makes a request of, where this one is new."""
        get = meta.get
        signature = (
            meta["PATH_INFO"],
            get("QUERY_STRING"),
            get("HTTP_HOST") or (get("SERVER_NAME"), get("SERVER_PORT")),
            get("SCRIPT_NAME"),
            scheme,
            self._spoken(meta) if self._by_language else None,
            tuple(map(get, self._forwarded)) if self._forwarded else None,
        )
        try:
            return self._known[signature]
        except KeyError:
            return self._remember(signature, self._try(source))

    def let_go(self) -> None:
        """Of all bodies."""
        for asked in list(self._known.values()):
            if asked is not None:
                asked.ready.clear()

    def _spoken(self, meta: Meta) -> tuple[str | None, Any]:
        cookie = meta.get("HTTP_COOKIE")
        chosen = None
        if cookie and self._language_cookie in cookie:
            if not cookie.isascii():  # Django may strip what only UTF-8 knows for a space
                return cookie, meta.get("HTTP_ACCEPT_LANGUAGE")
            chosen = parse_cookie(cookie).get(self._language_cookie)
        return chosen, meta.get("HTTP_ACCEPT_LANGUAGE")

    def _remember(self, signature: tuple[Any, ...], asked: Asked | None) -> Asked | None:
        known = self._known
        while len(known) >= MOST:
            known.pop(next(iter(known)), None)
        known[signature] = asked
        return asked

    def _try(self, source: Any) -> Asked | None:
        try:
            return self._work_out(source)
        except Exception:  # boundary: what is odd about a request, Django has an answer to
            return None

    def _work_out(self, source: Any) -> Asked | None:
        request = self._request_of(source)
        language = _language.of(request)
        with usual(language):
            match = _matches.match(request.path_info, language)
            if match is None:
                return None
            page: CachedPage = match.func  # type: ignore[assignment]
            query = request.META.get("QUERY_STRING", "")
            if query and undeclared(query, page.options.params):
                return None  # of this query; what else bypasses is of one request, and no memory's
            if page.options.by:
                return Asked(page, match)
            found = key_for(page.name, page.options, request, None)
        return None if found.reason else Asked(page, match, found.key, found.label)


class usual:  # noqa: N801 - a context manager
    """Language and time zone as they are when a request comes in, whatever the last one left."""

    def __init__(self, language: str | None) -> None:
        self._language = translation.override(language or django_settings.LANGUAGE_CODE)
        self._zone = timezone.override(None)

    def __enter__(self) -> None:
        self._language.__enter__()
        self._zone.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._zone.__exit__(*error)
        self._language.__exit__(*error)
