"""The two ways a page is kept: by the decorator, and by the middleware with everybody's headers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.test import Client, override_settings

from unhurried import testing
from unhurried.cache import front_door

from . import pages_site as site

OURS = "unhurried.middleware.UnhurriedMiddleware"
DJANGO = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
MIDDLE = f"{site.__name__}.Middle"
READS = f"{site.__name__}.Reads"
MIDDLEWARE = {
    "inside": [*DJANGO, OURS],
    "first": [OURS, *DJANGO],
    "door": [OURS, *DJANGO],
}
URLS: dict[str, Any] = {"ROOT_URLCONF": site.__name__}


@contextmanager
def site_with(middleware: list[str], **settings: Any) -> Iterator[None]:
    """The site with this middleware; ``UNHURRIED`` takes the room's own settings."""
    own = {"VERSION": str(uuid4()), **settings.pop("UNHURRIED", {})}  # nothing of another test's
    site.reset()
    with override_settings(**URLS, MIDDLEWARE=middleware, **settings), testing.override(**own):
        yield


class Door:
    """What a test client calls, with the front door before it."""

    def __init__(self, handler: Any) -> None:
        self.handler = handler
        self.passed: list[Any] = []
        self.door = front_door(self.application)

    def application(self, environ: Any, start_response: Any) -> list[bytes]:
        self.passed.append(self.handler(environ))
        return []

    def __call__(self, environ: Any) -> Any:
        said: list[Any] = []
        body = b"".join(self.door(environ, lambda status, headers: said.append((status, headers))))
        if self.passed:
            return self.passed.pop()
        [(line, headers)] = said
        code, reason = line.split(" ", 1)
        response = HttpResponse(body, status=int(code), reason=reason, headers=dict(headers))
        response.wsgi_request = WSGIRequest(environ)
        return response

    def __getattr__(self, name: str) -> Any:
        return getattr(self.handler, name)


def client_of(way: str) -> Client:
    client = Client()
    if way == "door":
        client.handler = Door(client.handler)
    return client


def status(response: Any) -> str:
    """``hit``, ``fwd=miss``, … of Cache-Status, without our name and what follows."""
    return str(response["Cache-Status"]).split("; ")[1]
