"""A page asked again: one GET through the whole middleware stack, of which nothing remains.

It runs in the sandbox, as anybody who may log in, with a session of its own that is rolled back
like all else: no row, no ``last_login``, no signal of a login.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from io import BytesIO
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

from asgiref.sync import async_to_sync
from django.apps import apps
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import got_request_exception, request_started
from django.db import connections, router
from django.http import HttpRequest
from django.utils import timezone, translation

from unhurried.measure import reading as measure

from .._find._counting import Queries, count_queries
from .._find._origin import tracking
from .._find._trials import Injection
from . import _bodies
from ._fetches import Fetches, counted
from ._outgoing import behind
from ._sandbox import sandbox

SIGNED: Final = "django.contrib.sessions.backends.signed_cookies"
FILE: Final = "django.contrib.sessions.backends.file"
INSIDE: Final = (  # what these keep lies in the database, in a cache, in the cookie or in a file
    *(f"django.contrib.sessions.backends.{name}" for name in ("db", "cache", "cached_db")),
    *(SIGNED, FILE),
)


#: What developers look at pages with, and visitors never have: each puts something else into the
#: page at each look, and queries and time of its own.
TOOLS: Final = (
    *("debug_toolbar.middleware.", "django_browser_reload.middleware.", "silk.middleware."),
    *("nplusone.ext.django.", "pyinstrument.middleware.", "querycount.middleware."),
)


class ReplayError(Exception):
    """The page cannot be asked; the message says why and the way out."""


@dataclass(slots=True)
class Page:
    """What one replay gave. ``body`` is normalised; ``seconds`` the wall time, of which
    ``record`` knows the parts; ``held`` what was not let out, and ``needed`` which connection of
    that the ``error`` comes of.
    """

    status: int
    body: bytes
    location: str
    seconds: float
    record: measure.Replayed
    queries: Queries
    fetches: Fetches
    held: list[str] = field(default_factory=list)
    error: BaseException | None = None
    needed: str = ""
    state: str = ""
    match: Any = None


def replay(
    url: str, user: str | None = None, injections: tuple[Injection, ...] = (), *, count: bool = True
) -> Page:
    """Ask ``url`` as ``user``. ``count`` also counts its queries, which takes time."""
    with sandbox() as held, _sessions(), _where_people_are():
        handler, request = _Handler(), _request(url, user)
        queries, fetches = Queries(), Fetches()
        with ExitStack() as stack:
            if count:
                queries = stack.enter_context(count_queries())
                fetches = stack.enter_context(counted())
            stack.enter_context(tracking(*injections))
            page = handler.ask(request, queries, fetches)
        page.state = fetches.state()
    page.held = list(dict.fromkeys(held))
    return page


class _Handler(BaseHandler):
    """Django's, with the middleware of the settings; servers do what ``ask`` does besides."""

    def __init__(self) -> None:
        with _without_tools():
            self.load_middleware()
        self.error: BaseException | None = None

    def ask(self, request: HttpRequest, queries: Queries, fetches: Fetches) -> Page:
        record = measure.Replayed()
        got_request_exception.connect(self._failed)
        token = measure.current.set(record)
        try:
            request_started.send(sender=self.__class__, environ=request.META)
            response = self.get_response(request)
            body = _read(response)
            response.close()
        finally:
            record.close()
            measure.current.reset(token)
            got_request_exception.disconnect(self._failed)
        body = _bodies.decoded(body, response.headers.get("Content-Encoding", ""))
        return Page(
            status=response.status_code,
            body=_bodies.normalised(body, response, request),
            location=response.headers.get("Location", ""),
            seconds=record.wall / 1e9,
            record=record,
            queries=queries,
            fetches=fetches,
            error=self.error,
            needed=behind(self.error),
            match=request.resolver_match,
        )

    def _failed(self, **kwargs: object) -> None:
        self.error = sys.exc_info()[1]


@contextmanager
def _without_tools() -> Iterator[None]:
    """As visitors get it."""
    middleware = settings.MIDDLEWARE
    settings.MIDDLEWARE = [each for each in middleware if not each.startswith(TOOLS)]
    try:
        yield
    finally:
        settings.MIDDLEWARE = middleware


def _read(response: Any) -> bytes:
    """All of it, to the last chunk of a stream."""
    if not response.streaming:
        return bytes(response.content)
    if response.is_async:
        return b"".join(async_to_sync(_read_async)(response))
    return b"".join(response)


async def _read_async(response: Any) -> list[bytes]:
    return [chunk async for chunk in response]


def _request(url: str, user: str | None) -> HttpRequest:
    parts = urlsplit(url)
    secure = parts.scheme == "https" or bool(settings.SECURE_SSL_REDIRECT)
    host = parts.hostname or _host()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": _path(parts.path),
        "QUERY_STRING": parts.query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": host,
        "SERVER_PORT": str(parts.port or (443 if secure else 80)),
        "HTTP_HOST": host if not parts.port else f"{host}:{parts.port}",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_USER_AGENT": "unhurried diagnose",
        "HTTP_ACCEPT": "text/html,*/*",
        **_proxied(secure=secure),
        "wsgi.url_scheme": "https" if secure else "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if user is not None:
        environ["HTTP_COOKIE"] = f"{settings.SESSION_COOKIE_NAME}={_logged_in(user)}"
    return WSGIRequest(environ)


def _proxied(*, secure: bool) -> dict[str, str]:
    """What a proxy says where it talked TLS to the browser."""
    header = settings.SECURE_PROXY_SSL_HEADER
    return {header[0]: header[1]} if header and secure else {}


def _path(path: str) -> str:
    """As WSGI has it: percent-decoded bytes, each a character."""
    return unquote_to_bytes(path or "/").decode("iso-8859-1")


def _host() -> str:
    """One the site answers to."""
    for host in settings.ALLOWED_HOSTS:
        if host != "*":
            return f"www{host}" if host.startswith(".") else host
    return "localhost"


@contextmanager
def _sessions() -> Iterator[None]:
    """Sessions of engines we know are undone with the rest; others are put into the cookie."""
    engine, folder = settings.SESSION_ENGINE, settings.SESSION_FILE_PATH
    with TemporaryDirectory(prefix="unhurried-replay-") as temporary:
        settings.SESSION_ENGINE = engine if engine in INSIDE else SIGNED
        settings.SESSION_FILE_PATH = temporary
        _forget_folder()
        try:
            yield
        finally:
            settings.SESSION_ENGINE, settings.SESSION_FILE_PATH = engine, folder
            _forget_folder()


@contextmanager
def _where_people_are() -> Iterator[None]:
    """Language and time zone, which a page may set for its reader, are the thread's."""
    language = translation.override(translation.get_language())
    with language, timezone.override(timezone.get_current_timezone()):
        yield


def _forget_folder() -> None:
    """The engine of files keeps the folder's name on its class."""
    store = getattr(sys.modules.get(FILE), "SessionStore", None)
    if store is not None and "_storage_path" in vars(store):
        del store._storage_path


def _logged_in(name: str) -> str:
    """The key of a session in which somebody is logged in."""
    for app, middleware in _NEEDED.items():
        if not apps.is_installed(app) or not any(middleware in m for m in settings.MIDDLEWARE):
            raise ReplayError(
                f"Nobody can be logged in: {app} and its {middleware} are not installed. "
                "Leave out --user."
            )
    from django.contrib import auth

    user = _user(name)
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[auth.SESSION_KEY] = user._meta.pk.value_to_string(user)
    session[auth.BACKEND_SESSION_KEY] = _backend()
    session[auth.HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


_NEEDED: Final = {
    "django.contrib.auth": "AuthenticationMiddleware",
    "django.contrib.sessions": "SessionMiddleware",
}


def _user(name: str) -> Any:
    from django.contrib.auth import get_user_model

    model = get_user_model()
    try:
        user = model._default_manager.get_by_natural_key(name)
    except model.DoesNotExist:
        raise ReplayError(
            f"There is no user {name!r}{_of_tenant(model)}. --user takes a {model.USERNAME_FIELD}, "
            "as at the login."
        ) from None
    if not user.is_active:
        raise ReplayError(f"The user {name!r} is not active: nobody can be logged in as such.")
    return user


def _of_tenant(model: Any) -> str:
    """Whose users were looked at: no middleware has run that would go to the URL's tenant."""
    schema = getattr(connections[router.db_for_read(model)], "schema_name", None)
    return f" in the schema {schema!r}, which is where --user looks" if schema else ""


def _backend() -> str:
    from django.contrib.auth import get_backends, load_backend

    for path in settings.AUTHENTICATION_BACKENDS:
        if hasattr(load_backend(path), "get_user"):
            return path
    raise ReplayError(f"None of {get_backends()} can tell who a session belongs to.")
