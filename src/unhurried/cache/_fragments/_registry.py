"""``@fragment("hello")``: a named piece of a page, made by a function of the request."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.utils.module_loading import autodiscover_modules

from unhurried.conf import nearest

from .._audience._proven import Choice
from .._engine._policy import Policy, checked
from .._errors import CacheError
from ._arguments import Arguments

#: A name stands in addresses.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_AUDIENCES: Final = ("all", "user", "session")
known: dict[str, Fragment] = {}
_lock = Lock()
_discovered = False

Allows = Callable[[HttpRequest], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Fragment:
    """A piece and how it is made. Called like its function, for a test of it."""

    name: str
    function: Callable[..., Any]
    arguments: Arguments
    audience: Choice
    lazy: bool
    fallback: str | None
    permission: Allows | None
    #: None: made anew for each reader.
    policy: Policy | None

    @property
    def personal(self) -> bool:
        """Whether it may be another for another reader of the same page."""
        return self.audience != "all" or self.permission is not None

    @property
    def label(self) -> str:
        """For people: "who to follow"."""
        return re.sub(r"[._-]+", " ", self.name)

    def __call__(self, request: HttpRequest, **arguments: Any) -> Any:
        return self.function(request, **self.arguments.checked(arguments))


def fragment(
    name: str,
    *,
    audience: Choice = "all",
    ttl: float | None = None,
    lazy: bool = False,
    fallback: str | None = None,
    permission: Allows | None = None,
) -> Callable[[Callable[..., Any]], Fragment]:
    """Register a function as a piece of pages: ``{% fragment "name" size=32 %}`` puts it there.

    The function takes the request and arguments with types (str, int, bool, float, Decimal, UUID,
    date, datetime, or None besides), and returns HTML (a plain str is escaped: ``format_html``), or
    ``(template, context)``, where "page.html#name" names a partial.

    ``audience``: whose it is: "all", "user", "session", or a function of the request that returns a
    str. ``ttl``: seconds to keep it for each of them; without, it is made for each reader.
    ``lazy``: the browser fetches it when it comes into view. ``fallback``: HTML that stands in
    while it is on its way, and where it fails. ``permission``: a function of the request, asked at
    each rendering; who may not see it gets nothing in its place, and 403 at its address.

    Raises CacheError for wrong arguments, where they stand.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CacheError(
            f"fragment: {name!r} is no name.", "Letters, digits, '.', '_' and '-': \"hello\"."
        )
    _check(name, audience, fallback, permission)
    policy = None
    if ttl is not None:
        hard, soft = checked(f"fragment {name}", ttl, None, "refresh", strict=False)
        policy = Policy(name, hard, soft, kind="fragment")

    def decorate(function: Callable[..., Any]) -> Fragment:
        if iscoroutinefunction(function):
            raise CacheError(
                f"fragment {name}: templates can't await a coroutine.", "Make it a plain function."
            )
        arguments = Arguments(name, function)
        made = Fragment(*(name, function, arguments, audience, lazy, fallback, permission, policy))
        before = known.setdefault(name, made)
        if before is not made and _place(before.function) != _place(function):
            raise CacheError(
                f"fragment {name}: {_place(before.function)} has that name already.",
                "Give one of them another.",
            )
        known[name] = made
        return made

    return decorate


def named(name: str) -> Fragment:
    """The fragment of that name; each app's module ``fragments`` is loaded to find it."""
    found = known.get(name)
    if found is None:
        _discover()
        found = known.get(name)
    if found is None:
        raise CacheError(
            f"There is no fragment {name!r}.{nearest(name, known)}",
            f'Register it with @fragment("{name}") in a module that is loaded: views.py, or an '
            "app's fragments.py.",
        )
    return found


def _discover() -> None:
    global _discovered
    with _lock:
        if not _discovered:
            autodiscover_modules("fragments")
            _discovered = True


def _check(name: str, audience: Any, fallback: Any, permission: Any) -> None:
    if not callable(audience) and audience not in _AUDIENCES:
        raise CacheError(
            f"fragment {name}: audience={audience!r} is unknown.",
            'It is "all", "user", "session", or a function of the request that names the group.',
        )
    if fallback is not None and not isinstance(fallback, str):
        raise CacheError(f"fragment {name}: fallback={fallback!r} is no str.", "It is HTML.")
    if permission is not None and not callable(permission):
        raise CacheError(
            f"fragment {name}: permission={permission!r} can't be called.",
            "Pass a function: lambda request: request.user.is_staff.",
        )


def _place(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
