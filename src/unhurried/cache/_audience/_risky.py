"""What around a cached page is known to go wrong: for the system checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

import django
from django.conf import settings

from unhurried import conf

from ._urls import has_cache_page, pages

#: The first release of each series with the fix.
_FIXES: Final = (
    ("CVE-2026-6907", {(5, 2): 14, (6, 0): 5}),
    ("CVE-2026-8404", {(5, 2): 15, (6, 0): 6}),
    ("CVE-2026-48587", {(5, 2): 15, (6, 0): 6}),
)
#: Django's own that change nothing but the response and the request.
_DJANGO: Final = frozenset(
    "django.contrib.admindocs.middleware.XViewMiddleware "
    "django.contrib.auth.middleware.AuthenticationMiddleware "
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware "
    "django.contrib.messages.middleware.MessageMiddleware "
    "django.contrib.redirects.middleware.RedirectFallbackMiddleware "
    "django.contrib.sessions.middleware.SessionMiddleware "
    "django.contrib.sites.middleware.CurrentSiteMiddleware "
    "django.middleware.clickjacking.XFrameOptionsMiddleware "
    "django.middleware.common.BrokenLinkEmailsMiddleware "
    "django.middleware.common.CommonMiddleware "
    "django.middleware.csp.ContentSecurityPolicyMiddleware "
    "django.middleware.csrf.CsrfViewMiddleware "
    "django.middleware.gzip.GZipMiddleware "
    "django.middleware.http.ConditionalGetMiddleware "
    "django.middleware.locale.LocaleMiddleware "
    "django.middleware.security.SecurityMiddleware".split()
)
_OTHERS: Final = frozenset(
    "corsheaders.middleware.CorsMiddleware "
    "unhurried.middleware.UnhurriedMiddleware "
    "whitenoise.middleware.WhiteNoiseMiddleware".split()
)
#: Django's own that do something under a setting, which a page served without them would skip.
_UNDER: Final = {
    "django.contrib.sessions.middleware.SessionMiddleware": "SESSION_SAVE_EVERY_REQUEST",
    "django.middleware.common.CommonMiddleware": "DISALLOWED_USER_AGENTS",
}
#: Parts of the names of middleware that does something for each request.
_DOING: Final = {
    "a limit of requests": ("ratelimit", "rate_limit", "throttl"),
    "a login": ("loginrequired", "login_required", "basicauth", "basic_auth"),
    "a list of addresses": ("ipfilter", "ip_filter", "iprestrict", "whitelist", "allowlist"),
    "a second factor": ("django_otp", "otpmiddleware", "two_factor", "twofactor", "mfa."),
    "an audit": ("audit", "accesslog", "access_log", "easyaudit", "request_logging"),
    "a lock against guessing": ("axes", "defender"),
    "a session's end": ("session_timeout", "sessiontimeout", "session_security"),
    "a closed site": ("maintenance", "coming_soon", "lockdown"),
    "an experiment": ("experiment", "abtest", "ab_test", "waffle"),
    "a count of visitors": ("tracking", "visitor", "analytics", "hitcount"),
    "another's identity": ("impersonat", "hijack"),
}
_WHOLE_SITE: Final = (
    "django.middleware.cache.CacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
    "django.middleware.cache.UpdateCacheMiddleware",
)
Problem = tuple[str, str, str]


def neutral() -> tuple[str, ...]:
    """The middleware that nobody vouches for; empty: a page may be served without any of it.

    Django's own is vouched for here, but for what a setting makes it do; the rest by the setting
    NEUTRAL_MIDDLEWARE.
    """
    given = tuple(conf.settings.NEUTRAL_MIDDLEWARE)
    under = tuple(path for path, name in _UNDER.items() if getattr(settings, name, None))
    return _unknown(tuple(settings.MIDDLEWARE), given, under)


@lru_cache(16)
def _unknown(
    middleware: tuple[str, ...], given: tuple[str, ...], under: tuple[str, ...]
) -> tuple[str, ...]:
    known = (_DJANGO | _OTHERS).difference(under).union(given)
    return tuple(path for path in middleware if path not in known)


def problems() -> Iterator[Problem]:
    """Yield (kind, message, hint): kinds "django", "twice", "site" and "skipped"."""
    kept = list(pages())
    if kept:
        yield from _old_django(django.VERSION)
        yield from _twice(kept)
        yield from _site_wide()
        yield from _skipped()


def _old_django(version: tuple[Any, ...]) -> Iterator[Problem]:
    missing = [cve for cve, fixed in _FIXES if version[2] < fixed.get(version[:2], 0)]
    if missing:
        yield (
            "django",
            f"Django {'.'.join(map(str, version[:3]))} can show pages to the wrong people "
            f"({', '.join(missing)}).",
            "Update to 5.2.15, 6.0.6 or newer.",
        )


def _twice(kept: Iterable[tuple[str, Any]]) -> Iterator[Problem]:
    for route, view in kept:
        if has_cache_page(view):
            yield (
                "twice",
                f"/{route} has cache_page and cached_page; the former serves it until its time is "
                "up, whatever has changed.",
                "Take cache_page away.",
            )


def _site_wide() -> Iterator[Problem]:
    for path in settings.MIDDLEWARE:
        if path in _WHOLE_SITE:
            yield (
                "site",
                f"{path} keeps whole pages until their time is up, those of cached_page too.",
                "Take it out of MIDDLEWARE.",
            )


def _skipped() -> Iterator[Problem]:
    unknown = neutral()
    for path, what in map(_doing, settings.MIDDLEWARE):
        if what and path in unknown:
            yield (
                "skipped",
                f"{path} looks like {what}: it sees each request, and cached pages wait for it.",
                "Nothing is wrong; if a page may be served without it, name it in "
                "UNHURRIED['NEUTRAL_MIDDLEWARE'].",
            )


def _doing(path: str) -> tuple[str, str]:
    name = path.lower()
    found = (what for what, parts in _DOING.items() if any(part in name for part in parts))
    return path, next(found, "")
