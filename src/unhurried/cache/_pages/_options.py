"""What ``cached_page`` was told, checked once: a wrong argument is an error where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings as django_settings
from django.http import HttpRequest

from unhurried.conf import nearest

from .._engine._policy import OnChange, checked
from .._errors import CacheError

#: What a page may differ by: a name, or a function of the request that returns a str.
By = str | Callable[[HttpRequest], str]

PEOPLE: Final = ("user", "session")
AUDIENCES: Final = ("all", *PEOPLE)
_NAMED: Final = re.compile(r"(cookie|header):([!#$%&'*+.^_`|~\w-]+)", re.ASCII)
#: Headers that are no variant of a page but a different matter: (lower case) -> the way out.
_WRONG_HEADERS: Final = {
    "authorization": "A request with one always goes to the view.",
    "cookie": 'Name the cookie: vary=("cookie:theme",).',
    "accept-encoding": "Each page has its compressed variant anyway.",
    "range": "A request for a part always goes to the view.",
}


@dataclass(frozen=True, slots=True)
class Options:
    """Times in seconds; ``params`` are the query parameters that the page knows."""

    hard: float
    soft: float
    on_change: OnChange
    strict: bool
    alias: str
    prefix: str
    params: frozenset[str]
    vary: tuple[By, ...]
    audience: By

    @property
    def by(self) -> tuple[By, ...]:
        return self.vary if self.audience == "all" else (*self.vary, self.audience)

    @property
    def private(self) -> bool:
        """Whether it is of one person or group, so that no cache between us may keep it."""
        return self.audience != "all" or not set(PEOPLE).isdisjoint(self.vary)

    @property
    def early(self) -> bool:
        """Whether its key can be told before Django's middleware has run."""
        return all(isinstance(each, str) and each not in PEOPLE for each in self.by)

    @property
    def vary_headers(self) -> tuple[str, ...]:
        """Request headers the page differs by; who knows what a function looks at?"""
        named = [each for each in self.by if isinstance(each, str) and each.startswith("header:")]
        headers = tuple(each.removeprefix("header:") for each in named)
        return headers if len(named) == len(self.by) else (*headers, "Cookie")


def options_of(where: str, ttl: Any, given: dict[str, Any]) -> Options:
    """The checked arguments; CacheError names the wrong one, and what it may be."""
    hard, soft = checked(where, ttl, given["soft"], given["on_change"], given["strict"])
    return Options(
        *(hard, soft, given["on_change"], given["strict"]),
        *(_alias(where, given["cache"]), _prefix(where, given["key_prefix"])),
        frozenset(_names(where, "params", given["params"], _param)),
        tuple(_names(where, "vary", given["vary"], _by)),
        _audience(where, given["audience"]),
    )


def _alias(where: str, cache: Any) -> str:
    alias = "default" if cache is None else cache
    if alias in django_settings.CACHES:
        return str(alias)
    known = map(str, django_settings.CACHES)
    raise CacheError(
        f"{where}: cache={cache!r} is no alias of CACHES.{nearest(cache, known)}",
        f"There are: {', '.join(django_settings.CACHES)}.",
    )


def _prefix(where: str, prefix: Any) -> str:
    if prefix is None or isinstance(prefix, str):
        return prefix or ""
    raise CacheError(f"{where}: key_prefix={prefix!r} is no str.", "It begins each key.")


def _names(where: str, name: str, given: Any, check: Callable[[str, Any], Any]) -> list[Any]:
    if isinstance(given, tuple | list | set | frozenset):
        return [check(where, each) for each in given]
    raise CacheError(f"{where}: {name}={given!r} is no tuple.", f"Write {name}=({given!r},).")


def _param(where: str, name: Any) -> str:
    if isinstance(name, str) and name:
        return name
    raise CacheError(
        f"{where}: params has {name!r}.", 'Name query parameters: params=("page", "order").'
    )


def _by(where: str, by: Any) -> By:
    if callable(by) or by in PEOPLE:
        return by  # type: ignore[no-any-return]
    found = _NAMED.fullmatch(by) if isinstance(by, str) else None
    if found is None:
        raise CacheError(
            f"{where}: vary has {by!r}.",
            'It may have "user", "session", "cookie:NAME", "header:NAME", and functions of the '
            "request that return a str.",
        )
    kind, name = found.groups()
    if kind == "header" and name.lower() in _WRONG_HEADERS:
        raise CacheError(f"{where}: vary has {by!r}.", _WRONG_HEADERS[name.lower()])
    return by  # type: ignore[no-any-return]


def _audience(where: str, audience: Any) -> By:
    if callable(audience) or audience in AUDIENCES:
        return audience  # type: ignore[no-any-return]
    raise CacheError(
        f"{where}: audience={audience!r} is unknown.",
        'It is "all", "user", "session", or a function of the request that names the group.',
    )
