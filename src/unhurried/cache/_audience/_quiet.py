"""Messages: a page that was made while there were none is good for all who have none.

So whoever has some gets a page of his own, once, and everybody else the one that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.contrib.messages.storage.base import BaseStorage

from ._swap import held_by
from ._watch import silence

#: Those of Django's, which have them in a cookie, or in the session.
_IN_A_COOKIE: Final = tuple(
    f"django.contrib.messages.storage.{name}"
    for name in ("fallback.FallbackStorage", "cookie.CookieStorage")
)
_IN_THE_SESSION: Final = "django.contrib.messages.storage.session.SessionStorage"
COOKIE: Final = "messages"


def has_messages(request: Any) -> bool:
    """Whether there are some to show, or some were shown or added in this request."""
    storage = held_by(request).get("_messages")
    with silence():
        return isinstance(storage, BaseStorage) and len(storage) > 0


def may_have(meta: Mapping[str, Any]) -> bool:
    """The same before any middleware: False where there can't be any.

    The fallback looks into the session only for what its cookie says has not fitted there.
    """
    cookie = meta.get("HTTP_COOKIE") or ""
    if settings.MESSAGE_STORAGE in _IN_A_COOKIE:
        return COOKIE in cookie
    if settings.MESSAGE_STORAGE == _IN_THE_SESSION:
        return settings.SESSION_COOKIE_NAME in cookie
    return True
