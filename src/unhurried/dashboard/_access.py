"""Who may look: active staff, or whoever the setting PERMISSION lets in."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutine
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.request import QueryDict
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from django.utils.module_loading import import_string

from unhurried.conf import settings
from unhurried.measure.reading import below_script, say_once

DENIED: Final = (
    "This page is for active staff, or for whom UNHURRIED['PERMISSION'] lets in "
    "(the dotted path of a function(user) -> bool)."
)
NO_USERS: Final = (
    "Nobody can be let in: requests have no user here. Add django.contrib.auth and its "
    "AuthenticationMiddleware."
)
NO_ANSWER: Final = (
    "UNHURRIED['PERMISSION'] = %r lets nobody in: it answered with a %s, where only True lets "
    "somebody in. It must be a plain function(user) -> bool, no decorator of views and no async "
    "def: return bool(…)."
)


def allowed(user: Any) -> bool:
    """Whether this user may see the dashboard and the badge."""
    if settings.PERMISSION:
        return _is_yes(_permission(settings.PERMISSION)(user))
    return bool(getattr(user, "is_active", False) and getattr(user, "is_staff", False))


def may(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    if user is None and settings.PERMISSION and apps.is_installed("django.contrib.auth"):
        from django.contrib.auth.models import AnonymousUser  # a model: it needs the app

        user = AnonymousUser()
    return allowed(user)


def _is_yes(answer: Any) -> bool:
    """A decorator of views answers with a view, which is as good as true; it was no answer."""
    if iscoroutine(answer):
        answer.close()
    if not isinstance(answer, bool):
        say_once(NO_ANSWER, settings.PERMISSION, type(answer).__name__)
    return answer is True


def _permission(path: str) -> Callable[[Any], bool]:
    try:
        permission: Callable[[Any], bool] = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(
            f"UNHURRIED['PERMISSION'] = {path!r} can't be imported: {error}. "
            "It must be the dotted path of a function(user) -> bool."
        ) from error
    return permission


def refuse(request: HttpRequest) -> HttpResponse:
    """To the login page, where there is one and somebody might yet log in; else 403."""
    user = getattr(request, "user", None)
    login = None if user is None or user.is_authenticated else _login_url()
    if login is None:
        return HttpResponse(
            NO_USERS if user is None else DENIED, status=403, content_type="text/plain"
        )
    return HttpResponseRedirect(_with_way_back(request, login))


def _with_way_back(request: HttpRequest, login: str) -> str:
    """Beside what LOGIN_URL asks already; another host has to be told which one we are."""
    parts = urlsplit(login)
    query = QueryDict(parts.query, mutable=True)
    same = not parts.netloc or (
        parts.netloc == request.get_host() and parts.scheme in ("", request.scheme)
    )
    path = request.get_full_path()
    query[REDIRECT_FIELD_NAME] = path if same else request.build_absolute_uri(path)
    asked = query.urlencode(safe="/")
    return urlunsplit((parts.scheme, parts.netloc, parts.path, asked, parts.fragment))


def _login_url() -> str | None:
    """LOGIN_URL, if it leads anywhere (its default often does not), else the admin's."""
    try:
        url = resolve_url(django_settings.LOGIN_URL)
        parts = urlsplit(url)
        if not parts.netloc:
            resolve(below_script(parts.path))
        return url
    except (NoReverseMatch, Resolver404):
        pass
    try:
        return reverse("admin:login")
    except NoReverseMatch:
        return None
