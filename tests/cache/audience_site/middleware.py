"""Middleware that hands on what it has found, in all the ways that sites have."""

from __future__ import annotations

import secrets
import threading
from typing import Any

from asgiref.local import Local
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.utils.functional import SimpleLazyObject, empty

here = Local()
thread = threading.local()


class Nonce(SimpleLazyObject):
    """As Django 6 makes it: false until somebody has looked."""

    def __init__(self) -> None:
        super().__init__(lambda: secrets.token_urlsafe(16))

    def __bool__(self) -> bool:
        return self._wrapped is not empty


class Tenant:
    """Of the host's customer."""

    def __init__(self, name: str) -> None:
        self.name = name


class Holding:
    """Keeps the request, its user and its session where views find them without it."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        self.prepare(request)
        return self.get_response(request)

    def prepare(self, request: Any) -> None:
        here.request, thread.request = request, request
        thread.user, thread.session, thread.headers = request.user, request.session, request.headers
        request.tenant = Tenant(request.COOKIES.get("tenant", "acme"))
        request.lazy_tenant = SimpleLazyObject(lambda: Tenant(request.COOKIES.get("tenant", "a")))
        request.csp_nonce = SimpleLazyObject(lambda: secrets.token_urlsafe(16))
        request._csp_nonce = Nonce()
        if "beta" in request.COOKIES:
            request.beta = True


class Nosy:
    """Has looked at everything before any view: none of that is the page's."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        assert request.user.is_authenticated in (True, False)
        request.session.get("cart")
        request.headers.get("User-Agent")
        request.accepts("text/html")
        request.META.get("REMOTE_ADDR")
        len(request._messages)
        return self.get_response(request)


def nonce(request: Any) -> dict[str, Any]:
    """The context processor of Django 6."""
    return {"csp_nonce": request._csp_nonce}
