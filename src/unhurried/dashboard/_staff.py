"""Is the person behind this request allowed to look? Asked on every response, so nearly free.

Where the page has looked at its user, the answer is at hand. Where it has not, a look-up costs
what a page without queries does not want to pay; so "no" is remembered for a minute per session.
The look-up reads only. ``django.contrib.auth.get_user`` may flush or renew the session, and this
runs after SessionMiddleware has sent the cookie: the visitor would be logged out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
    load_backend,
)
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import SynchronousOnlyOperation
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.functional import LazyObject, empty

from unhurried.conf import settings
from unhurried.measure.reading import current, swallow

from . import _access

SESSIONS: Final = "django.contrib.sessions.middleware.SessionMiddleware"
REMEMBER: Final = 60.0  # seconds
MOST: Final = 2048  # sessions
WHAT: Final = "what staff alone get to see"
_no: dict[int, float] = {}  # hash of a session key -> when to ask again


def looks(request: HttpRequest) -> bool:
    """Whether a staff member, or whom PERMISSION lets in, looks at this page.

    The page is ready: where that can't be found out, nobody does.
    """
    try:
        key = _session_key(request)
        return key is not None and not _remembered(key) and _ask(request, key)
    except Exception as error:  # boundary: sessions, users and PERMISSION are the site's code
        swallow(WHAT, error)
        return False


async def alooks(request: HttpRequest) -> bool:
    """The same; only where the database may be asked, a thread does so."""
    try:
        key = _session_key(request)
        return key is not None and not _remembered(key) and await _aask(request, key)
    except Exception as error:  # boundary: as above
        swallow(WHAT, error)
        return False


async def _aask(request: HttpRequest, key: str) -> bool:
    if _seen(request) is not None and not settings.PERMISSION:
        try:
            return _ask(request, key)
        except SynchronousOnlyOperation:  # a user model's own is_staff may be a query
            _no.pop(hash(key), None)
    return await sync_to_async(_ask)(request, key)


def _session_key(request: HttpRequest) -> str | None:
    if "HTTP_COOKIE" not in request.META or _session_class(request) is None:
        return None
    return request.COOKIES.get(django_settings.SESSION_COOKIE_NAME) or None


def _session_class(request: HttpRequest) -> type[SessionBase] | None:
    """The class of its session; of a page that was sent before SessionMiddleware, what that has."""
    if hasattr(request, "session"):
        return type(request.session)
    if SESSIONS not in django_settings.MIDDLEWARE:
        return None
    found: type[SessionBase] = import_module(django_settings.SESSION_ENGINE).SessionStore
    return found


def _remembered(key: str) -> bool:
    return _no.get(hash(key), 0.0) > time.monotonic()


def _remember(key: str) -> None:
    if len(_no) >= MOST:
        _no.clear()  # costs each of them one look-up
    _no[hash(key)] = time.monotonic() + REMEMBER


def _ask(request: HttpRequest, key: str) -> bool:
    yes = False
    try:
        with _uncounted():
            user = _seen(request)
            if user is None:
                user = _look_up(request, key)
            yes = user is not None and _access.allowed(user)
    finally:
        if not yes:  # nor if it failed: a database that is down is not asked at each request
            _remember(key)
    return yes


@contextmanager
def _uncounted() -> Iterator[None]:
    """Our queries are nobody's: not the page's, nor those of a unit of work around it."""
    token = current.set(None)
    try:
        yield
    finally:
        current.reset(token)


def _seen(request: HttpRequest) -> Any:
    """The user, if the page has looked at it already."""
    for name in ("_cached_user", "_acached_user"):
        if hasattr(request, name):
            return getattr(request, name)
    user = request.__dict__.get("user")
    if isinstance(user, LazyObject) and user.__dict__.get("_wrapped", empty) is empty:
        return None
    return user


def _look_up(request: HttpRequest, key: str) -> Any:
    """As ``get_user``, on a session of our own: the page's is not marked as accessed."""
    kind = _session_class(request)
    assert kind is not None
    session = kind(key)
    backend_path, pk = session.get(BACKEND_SESSION_KEY), session.get(SESSION_KEY)
    known = (path for path in django_settings.AUTHENTICATION_BACKENDS if path == backend_path)
    path = next(known, None)
    if pk is None or path is None:
        return None
    user = load_backend(path).get_user(get_user_model()._meta.pk.to_python(pk))
    return user if user is not None and _is_valid(session, user) else None


def _is_valid(session: Any, user: Any) -> bool:
    """Whether the session is of this password; one of a former SECRET_KEY waits for get_user."""
    if not hasattr(user, "get_session_auth_hash"):
        return True
    found = session.get(HASH_SESSION_KEY, "")
    return constant_time_compare(found, user.get_session_auth_hash())
