"""``front_door``: around the whole application, so that a kept page costs nothing of Django."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from io import BytesIO
from time import perf_counter_ns, time
from typing import Any, Final, overload

from asgiref.sync import iscoroutinefunction
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest

from .._errors import CacheError
from ._asked import Asked, Meta
from ._lane import Lane
from ._lifespan import live
from ._ready import Headers, Ready, unchanged
from ._tally import tally

Environ = dict[str, Any]
WSGI = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Scope = MutableMapping[str, Any]
ASGI = Callable[
    [Scope, Callable[..., Awaitable[Any]], Callable[..., Awaitable[Any]]], Awaitable[None]
]

OK, UNCHANGED = 200, 304
LINES: Final = {OK: "200 OK", UNCHANGED: "304 Not Modified"}
#: Headers of an ASGI scope that are not called HTTP_….
BARE: Final = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


@overload
def front_door(application: WSGI) -> WSGI: ...


@overload
def front_door(application: ASGI) -> ASGI: ...


def front_door(application: Any) -> Any:
    """Send kept pages before Django has begun: it goes around the application.

    ``application = front_door(get_wsgi_application())``, or the same with that of ASGI. It sends
    what ``cached_page`` keeps for everybody, while it is fresh, where ``UnhurriedMiddleware`` comes
    first and no other middleware is known to be needed; all else goes to the application. Raises
    CacheError for what is no application.
    """
    if not callable(application):
        raise CacheError(
            f"front_door({application!r}) is around no application.",
            "Write front_door(get_wsgi_application()) or front_door(get_asgi_application()).",
        )
    call = getattr(application, "__call__", None)  # noqa: B004 - whether that is a coroutine
    is_asgi = iscoroutinefunction(application) or iscoroutinefunction(call)
    return ASGIDoor(application) if is_asgi else Door(application)


class Door:
    """The WSGI application with the front door before it."""

    def __init__(self, application: WSGI) -> None:
        self.application = application
        self._lane = Lane(_request_of_environ)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        began = perf_counter_ns()
        asked = self._lane.asked(environ, environ["wsgi.url_scheme"], environ)
        ready = None if asked is None else self._lane.ready(asked, environ)
        if asked is None or ready is None:
            return self.application(environ, start_response)
        status, headers, body = _answer(ready, environ)
        start_response(LINES[status], [*headers])  # a server may add its own to it
        tally(asked, ready, began, status, len(body))
        return (body,)


class ASGIDoor:
    """The ASGI application with the front door before it; other than HTTP passes by."""

    def __init__(self, application: ASGI) -> None:
        self.application = application
        self._lane = Lane(_request_of_scope)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await live(self.application, scope, receive, send)
        if scope["type"] != "http":
            return await self.application(scope, receive, send)
        began = perf_counter_ns()
        meta = _meta_of(scope)
        asked = self._lane.asked(meta, scope.get("scheme", "http"), scope)
        ready = None if asked is None else await self._ready(asked, meta)
        if asked is None or ready is None:
            return await self.application(scope, receive, send)
        status, headers, body = _answer(ready, meta)
        await send({"type": "http.response.start", "status": status, "headers": _raw(headers)})
        await send({"type": "http.response.body", "body": body})
        tally(asked, ready, began, status, len(body))

    async def _ready(self, asked: Asked, meta: Meta) -> Ready | None:
        if asked.at_hand:
            return self._lane.ready(asked, meta)
        return await to_thread(self._lane.ready, asked, meta)


def _answer(ready: Ready, meta: Meta) -> tuple[int, Headers, bytes]:
    headers = ready.dress(time())
    if "HTTP_IF_NONE_MATCH" in meta and ready.known(meta["HTTP_IF_NONE_MATCH"]):
        return UNCHANGED, unchanged(headers), b""
    return OK, headers, b"" if meta["REQUEST_METHOD"] == "HEAD" else ready.body


def _request_of_environ(environ: Environ) -> HttpRequest:
    return WSGIRequest({**environ, "wsgi.input": BytesIO()})


def _request_of_scope(scope: Scope) -> HttpRequest:
    return ASGIRequest(dict(scope), BytesIO())


def _meta_of(scope: Scope) -> dict[str, Any]:
    """As much of a WSGI environ as the lane looks at; of a header that comes twice, both."""
    server = scope.get("server") or ("unknown", "0")
    meta: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"].upper(),
        "PATH_INFO": scope["path"],
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SCRIPT_NAME": scope.get("root_path", ""),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
    }
    for raw, value in scope.get("headers", ()):
        if b"_" in raw:
            continue  # as Django has it: it would be mistaken for another
        name = BARE.get(raw) or "HTTP_" + raw.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        if name in meta:
            text = f"{meta[name]}{'; ' if name == 'HTTP_COOKIE' else ','}{text}"
        meta[name] = text
    return meta


def _raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii").lower(), value.encode("latin-1")) for name, value in headers]
