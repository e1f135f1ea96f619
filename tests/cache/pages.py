"""The two ways a page is kept: by the decorator, and by the middleware with everybody's headers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from django.test import override_settings

from unhurried import testing

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
MIDDLEWARE = {
    "inside": [*DJANGO, OURS],
    "first": [OURS, *DJANGO],
}
URLS: dict[str, Any] = {"ROOT_URLCONF": site.__name__}


@contextmanager
def site_with(middleware: list[str], **settings: Any) -> Iterator[None]:
    """The site with this middleware; ``UNHURRIED`` takes the room's own settings."""
    own = {"VERSION": str(uuid4()), **settings.pop("UNHURRIED", {})}  # nothing of another test's
    site.reset()
    with override_settings(**URLS, MIDDLEWARE=middleware, **settings), testing.override(**own):
        yield


def status(response: Any) -> str:
    """``hit``, ``fwd=miss``, … of Cache-Status, without our name and what follows."""
    return str(response["Cache-Status"]).split("; ")[1]
