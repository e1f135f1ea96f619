"""Whether a request is for a preview: of what nobody else may see yet, at the address of a page."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest

from ._swap import held_by

#: Wagtail's: a request made up to render a draft through all middleware, and the drawing of it.
_SAID: Final = ("is_dummy", "is_preview")


def is_preview(request: Any) -> bool:
    """This is no look at its attributes. False for what is no request of Django's."""
    inner = getattr(request, "_request", request)
    return isinstance(inner, HttpRequest) and any(held_by(inner).get(name) for name in _SAID)
