"""One request, as a server makes it: the environ of a browser, read to the last byte, closed."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

Application = Callable[..., Any]


def environ(url: str, cookie: str = "", *, plain: bool = False) -> dict[str, Any]:
    """`plain`: asks for no compression."""
    path, _, query = url.partition("?")
    found = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": query,
        "SERVER_NAME": "bench",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "bench",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "HTTP_ACCEPT": "text/html,application/xhtml+xml,*/*;q=0.8",
        "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.5",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
        "wsgi.input": io.BytesIO(b""),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if cookie:
        found["HTTP_COOKIE"] = cookie
    if plain:
        del found["HTTP_ACCEPT_ENCODING"]
    return found


def send(application: Application, request: dict[str, Any]) -> bytes:
    """The body; raises if the answer is no 200."""
    said: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
        said.append(status)

    answer = application(request, start_response)
    try:
        body = b"".join(answer)
    finally:
        getattr(answer, "close", _nothing)()
    if not said[0].startswith("200"):
        raise SystemExit(f"{request['PATH_INFO']} answered {said[0]}: {body[:500]!r}")
    return body


def _nothing() -> None:
    pass
