"""Doing a work: the request is made anew of what was written down, and the view is called.

It never has cookies, a session, or anything else of who asked but the user; the view is the one
that the path leads to, whatever the row may say.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.core.handlers.wsgi import WSGIRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import ResolverMatch, get_script_prefix, resolve, set_script_prefix
from django.utils import timezone, translation

from unhurried.conf import settings
from unhurried.measure.reading import say_once

from .._errors import LaterError
from ._asked import HTML
from ._works import Result

MOST: Final = 10 * 2**20  # bytes of a page
RAISED: Final = {"Http404": Http404, "PermissionDenied": PermissionDenied}
MARK: Final = "unhurried_hang_on"


def hung(path: str) -> tuple[ResolverMatch, Any]:
    """(the match, what ``hang_on`` has made of the view) of a path.

    Raises:
        LaterError: no such view is there.
    """
    try:
        match = resolve(path)
    except Http404:
        match = None
    found = getattr(getattr(match, "func", None), MARK, None)
    if match is None or found is None:
        raise LaterError(
            f"{path} leads to no view under hang_on.",
            "The work finds its view by the path, in ROOT_URLCONF: decorators above @hang_on need "
            "functools.wraps, and request.urlconf is not followed.",
        )
    return match, found


@contextmanager
def remade(told: dict[str, Any]) -> Iterator[HttpRequest]:
    """The request, with its language, time zone and script prefix in force."""
    prefix = get_script_prefix()
    request = WSGIRequest(_environ(told))
    with ExitStack() as stack:
        stack.callback(set_script_prefix, prefix)
        set_script_prefix(f"{told['script'].rstrip('/')}/")
        zone = told["zone"]
        zone = timezone.get_fixed_timezone(zone) if isinstance(zone, int) else zone
        stack.enter_context(timezone.override(zone))
        if told["language"]:
            stack.enter_context(translation.override(told["language"]))
            request.LANGUAGE_CODE = told["language"]
        _put_user(request, told["user"])
        yield request


def _environ(told: dict[str, Any]) -> dict[str, Any]:
    """As PEP 3333 has it: text is bytes in latin-1."""
    headers = {f"HTTP_{name.upper().replace('-', '_')}": v for name, v in told["headers"].items()}
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": told["script"].encode().decode("latin-1"),
        "PATH_INFO": told["path"].encode().decode("latin-1"),
        "QUERY_STRING": told["query"],
        "SERVER_NAME": told["host"].rpartition(":")[0] or told["host"],
        "SERVER_PORT": told["port"],
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": told["host"],
        "HTTP_ACCEPT": HTML,
        "wsgi.url_scheme": told["scheme"],
        "wsgi.input": io.BytesIO(),
        **headers,
    }


def _put_user(request: HttpRequest, pk: str | None) -> None:
    if not apps.is_installed("django.contrib.auth"):
        return
    user: Any = _loaded(pk) if pk is not None else _anonymous()

    async def auser() -> Any:
        return user

    request.user = user
    request.auser = auser


def _anonymous() -> Any:
    module: Any = apps.get_app_config("auth").models_module
    return module.AnonymousUser()


def _loaded(pk: str) -> Any:
    """The user as he is now."""
    model = get_user_model()
    try:
        user = model._default_manager.get(pk=pk)
    except ObjectDoesNotExist:
        raise GoneError("the user is gone") from None
    if not getattr(user, "is_active", True):
        raise GoneError("the user is not active any more")
    return user


class GoneError(Exception):
    """Who asked for it may not have it any more."""


def answer(call: Any, request: HttpRequest) -> Result:
    """What the view answers, as it is kept.

    Raises:
        LaterError: it can't be kept.
    """
    try:
        response = call()
        if callable(getattr(response, "render", None)):
            response = response.render()
    except tuple(RAISED.values()) as error:
        name = "Http404" if isinstance(error, Http404) else "PermissionDenied"
        return Result(404 if name == "Http404" else 403, [], b"", raises=name)
    _refuse(request, response)
    names = {"content-length", "set-cookie"}
    headers = [(name, value) for name, value in response.items() if name.lower() not in names]
    return Result(response.status_code, headers, bytes(response.content))


def _refuse(request: HttpRequest, response: Any) -> None:
    """What can't be kept, or would be another's."""
    if not isinstance(response, HttpResponse):
        response.close()
        kind = type(response).__name__
        raise LaterError(
            f"The view returned a {kind}, which hang_on can't keep.",
            "Return an HttpResponse; put a large file into a storage, and redirect to it.",
        )
    if response.status_code >= 500:
        raise LaterError(
            f"The view answered {response.status_code}.", "It is tried again in a while."
        )
    if len(response.content) > MOST:
        raise LaterError(
            f"The page has {len(response.content)} bytes; hang_on keeps at most {MOST}.",
            "Put the file into a storage, and redirect to it.",
        )
    if request.META.get("CSRF_COOKIE_NEEDS_UPDATE"):
        raise LaterError(
            "The page has a CSRF token, which would be nobody's: the work has no cookies.",
            "Have the form on a page of its own, or take the token from the cookie by script.",
        )
    if response.cookies or response.has_header("Set-Cookie"):
        names = ", ".join(response.cookies) or "by its header"
        error = LaterError(
            f"The view sets a cookie ({names}), and hang_on shares what it answers.",
            "Set it in a view that is not under hang_on, or in a middleware.",
        )
        if settings.STRICT:
            raise error
        say_once("A cookie was left out: %s", error)
