"""The language LocaleMiddleware will choose, before it has: a part of the key."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from django.conf import settings as django_settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.core.signals import setting_changed
from django.http import HttpRequest
from django.utils import translation

LOCALE: Final = "django.middleware.locale.LocaleMiddleware"


def in_use() -> bool:
    return bool(django_settings.USE_I18N) and LOCALE in django_settings.MIDDLEWARE


def of(request: HttpRequest) -> str | None:
    """The language that ``LocaleMiddleware`` will choose for a request."""
    cookie = request.COOKIES.get(django_settings.LANGUAGE_COOKIE_NAME)
    accepted = str(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))
    return chosen(request.path_info, cookie, accepted)


def chosen(path: str, cookie: str | None, accepted: str) -> str | None:
    """As ``LocaleMiddleware.process_request``; None where it is not in use."""
    if not in_use():
        return None
    return of_path(path) or _preferred(cookie, accepted)


def of_path(path: str) -> str | None:
    """The language that a path says, whatever its reader prefers; None where it says none."""
    if not in_use():
        return None
    in_paths, default_too = is_language_prefix_patterns_used(django_settings.ROOT_URLCONF)
    found = translation.get_language_from_path(path) if in_paths else None
    return found or (django_settings.LANGUAGE_CODE if in_paths and not default_too else None)


class _Asking:
    """As much of a request as Django looks at."""

    path_info = "/"

    def __init__(self, cookie: str | None, accepted: str) -> None:
        self.COOKIES = {} if cookie is None else {django_settings.LANGUAGE_COOKIE_NAME: cookie}
        self.META = {"HTTP_ACCEPT_LANGUAGE": accepted}


@lru_cache(4096)
def _preferred(cookie: str | None, accepted: str) -> str:
    return translation.get_language_from_request(_Asking(cookie, accepted))  # type: ignore[arg-type]


def _forget(*, setting: str, **_: Any) -> None:
    if "LANGUAGE" in setting or setting in ("USE_I18N", "LOCALE_PATHS"):
        _preferred.cache_clear()


setting_changed.connect(_forget, dispatch_uid="unhurried.cache.language")
