"""Of whom a page is, in its key: never the value itself, which may be somebody's secret."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from .._errors import CacheError
from ._observing import called
from ._proven import Choice
from ._put_on import state_of
from ._swap import held_by


def values(request: HttpRequest, by: tuple[Choice, ...]) -> tuple[str, frozenset[str]]:
    """(a short name for each thing a page differs by, what functions among them have looked at).

    The user's name holds what lies in the user, so that counts as looked at, too. May ask the
    database for the user.
    """
    looked: set[str] = set()
    names = [_value(request, each, looked) for each in by]
    return "|".join(names), frozenset(looked)


def unkeyed(request: HttpRequest, by: tuple[Choice, ...]) -> str:
    """Why the page has no key: its session has content, but no name yet."""
    if "session" not in by or not hasattr(request, "session"):
        return ""
    session = request.session
    anonymous = session.session_key is None and not session.is_empty()
    return "its session is about to begin" if anonymous else ""


def _value(request: HttpRequest, by: Choice, looked: set[str]) -> str:
    if by == "user":
        return _user(request, looked)
    if by == "session":
        return _session(request)
    if isinstance(by, str):
        kind, _, name = by.partition(":")
        found = request.COOKIES.get(name) if kind == "cookie" else request.headers.get(name)
        return "-" if found is None else short(found)
    return short(_called(request, by, looked))


def _called(request: HttpRequest, function: Any, looked: set[str]) -> str:
    found, inputs = called(function, request)
    looked |= inputs
    if isinstance(found, str):
        return found
    name = getattr(function, "__qualname__", repr(function))
    raise CacheError(
        f"{name}(request) returned {found!r}, which is no str.",
        "What a page differs by is a str: str(…) it, with an empty one for nothing.",
    )


def _user(request: HttpRequest, looked: set[str]) -> str:
    """A new password, or a logout, makes what was kept for somebody unreachable.

    What lies in the user is told apart, for all that its properties and methods may say of it: a
    middleware may have put a second factor there, or have made it staff for this request.
    """
    user: Any = getattr(request, "user", None)
    known = user is not None and user.is_authenticated
    states = [state_of(each) for each in (user, _awaited(request)) if each is not None]
    looked.update(f"attr:user.{name}" for state in states for name in state)
    if not known and not any(states):
        return "anonymous"
    own = getattr(user, "get_session_auth_hash", str)() if known else ""
    told = [sorted(state.items()) for state in states]
    return _secret("user", f"{user.pk if known else ''}|{own}|{told}")


def _awaited(request: HttpRequest) -> Any:
    """Who was asked for by ``await request.auser()`` is another object of the same user."""
    return held_by(getattr(request, "_request", request)).get("_acached_user")


def _session(request: HttpRequest) -> str:
    """With its content: a session may change without any statement that would tell."""
    session = getattr(request, "session", None)
    if session is None or session.session_key is None:
        return "none"
    content = json.dumps(dict(session.items()), sort_keys=True, default=repr)
    return _secret("session", f"{session.session_key}|{content}")


def _secret(what: str, value: str) -> str:
    return salted_hmac(f"unhurried.cache.{what}", value, algorithm="sha256").hexdigest()[:32]


def short(value: str) -> str:
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
