"""One work, from its row to its result: in no request, with a request made again."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from http.cookies import SimpleCookie
from inspect import iscoroutinefunction
from io import BytesIO
from types import SimpleNamespace
from typing import Any, Final

from asgiref.sync import async_to_sync
from django.contrib.auth import get_user, get_user_model
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponseBase
from django.urls import get_script_prefix, resolve, set_script_prefix
from django.utils import translation

from unhurried.conf import settings
from unhurried.measure import measured
from unhurried.measure.reading import say_once

from .._errors import LaterError
from . import _rows
from ._progress import Beside, running

BODY: Final = 10_000_000  # bytes of a result
_logger = logging.getLogger("unhurried.later")


def do(row: Any) -> None:
    """Do the work and keep what comes of it; whatever it raises is a failure, and is logged."""
    with Beside(row) as beside:
        token = running.set(beside)
        try:
            result = _result(json.loads(row.asked))
        except Exception:  # boundary: the site's view runs in there
            incident = _rows.new_incident()
            _logger.exception("The work for %s failed: incident %s", row.path, incident)
            result = None
        finally:
            running.reset(token)
    if result is None:
        _rows.fail(row, incident)
    else:
        _rows.finish(row, *result)


def _result(asked: dict[str, Any]) -> tuple[int, str, bytes, float]:
    before = get_script_prefix()
    set_script_prefix(asked["script"] + "/")
    try:
        with translation.override(asked["language"]):
            request = _request(asked)
            match = request.resolver_match
            page = getattr(match.func, "hang_on", None) if match is not None else None
            if match is None or page is None:
                raise LaterError(
                    f"The view of {asked['path']} is not known to be one of hang_on's.",
                    "Decorators above it want functools.wraps.",
                )
            with measured(f"hang_on:{match.route}"):
                response = _called(_work_of(match.func, page), request, match)
                return *_frozen(response), page.options.keep
    finally:
        set_script_prefix(before)


def _request(asked: dict[str, Any]) -> WSGIRequest:
    host, _, port = asked["host"].partition(":")
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": asked["path"].encode().decode("latin-1"),
        "SCRIPT_NAME": asked["script"].encode().decode("latin-1"),
        "QUERY_STRING": asked["query"],
        "SERVER_NAME": host,
        "SERVER_PORT": port or ("443" if asked["scheme"] == "https" else "80"),
        "HTTP_HOST": asked["host"],
        "HTTP_ACCEPT_LANGUAGE": asked["accept_language"],
        "wsgi.url_scheme": asked["scheme"],
        "wsgi.input": BytesIO(),
    }
    for name, value in asked["headers"].items():
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    request = WSGIRequest(environ)
    request.LANGUAGE_CODE = asked["language"] or ""
    request.user = _user(asked["user"])
    request.resolver_match = resolve(asked["path"], asked["urlconf"])
    request.unhurried_work = True  # type: ignore[attr-defined]
    return request


def _user(pk: str | None) -> Any:
    if pk is None:
        nobody = SimpleNamespace(session={})  # AnonymousUser itself can't be imported before apps
        return get_user(nobody)  # type: ignore[arg-type]
    model = get_user_model()
    user = model._default_manager.get(pk=pk)
    if not user.is_active:
        raise LaterError("Who asked for this is not active any more.", "Ask as somebody else.")
    return user


def _work_of(view: Callable[..., Any], page: Any) -> Callable[..., Any]:
    """The undecorated view; of a class the whole one, as its function is made per request."""
    work: Callable[..., Any] = view if hasattr(view, "view_class") else page.inner
    return work


def _called(view: Callable[..., Any], request: WSGIRequest, match: Any) -> HttpResponseBase:
    if iscoroutinefunction(view) or getattr(view, "view_is_async", False):
        response = async_to_sync(view)(request, *match.args, **match.kwargs)
    else:
        response = BaseHandler().make_view_atomic(view)(request, *match.args, **match.kwargs)
    if callable(getattr(response, "render", None)):
        response = response.render()
    found: HttpResponseBase = response
    return found


def _frozen(response: HttpResponseBase) -> tuple[int, str, bytes]:
    """Its status, headers and body. Cookies are one reader's, and are not kept."""
    if response.streaming:
        raise LaterError("A streamed response can't be kept.", "Return an HttpResponse.")
    if response.status_code >= 500:
        raise LaterError(f"The view answered {response.status_code}.", "See its own log.")
    if response.cookies != SimpleCookie():
        _cookies(", ".join(response.cookies))
    body = bytes(response.content)  # type: ignore[attr-defined]
    if len(body) > BODY:
        raise LaterError(f"{len(body)} bytes are too many to keep.", f"At most {BODY}.")
    return response.status_code, json.dumps(list(response.items())), body


def _cookies(names: str) -> None:
    message = f"A view under hang_on sets cookies ({names}), which nobody gets."
    if settings.STRICT:
        raise LaterError(message, "Set them in a view or a middleware around it.")
    say_once("%s", message)
