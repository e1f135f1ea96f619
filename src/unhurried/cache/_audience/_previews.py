"""Whether a request is for a preview: of what nobody else may see yet, at the address of a page."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest

from ._swap import held_by

#: Wagtail's: a request made up to render a draft through all middleware, and the drawing of it.
DUMMY: Final = "is_dummy"
PREVIEW: Final = "is_preview"


def is_preview(request: Any) -> bool:
    """This is no look at its attributes. False for what is no request of Django's."""
    inner = getattr(request, "_request", request)
    if not isinstance(inner, HttpRequest):
        return False
    held = held_by(inner)
    return bool(held.get(DUMMY) or held.get(PREVIEW))
