"""What the edge of a request can do, as long as its answer can still be told to it."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest

from .._audience._swap import held_by
from ._trust import capability

_OFFERED: Final = "_unhurried_edge"


def begin(request: HttpRequest) -> str:
    """What the edge of this request can do: "esi", "ssi" or "". It reads plain text only."""
    if "HTTP_SURROGATE_CAPABILITY" not in request.META:
        return ""
    found = capability(request.META)
    if found:
        request.__dict__[_OFFERED] = found
        request.META.pop("HTTP_ACCEPT_ENCODING", None)
    return found


def offered(request: Any) -> str:
    """What was found at its beginning, until its response has begun."""
    return str(held_by(request).get(_OFFERED, ""))


def withdraw(request: HttpRequest) -> str:
    """What was offered, which from now on nobody can make use of."""
    return str(request.__dict__.pop(_OFFERED, ""))
