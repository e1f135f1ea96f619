"""How a fragment gets into a page: now, in the second phase, at the edge, or in the browser."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe

from unhurried.conf import nearest

from .._edges._offer import offered
from .._errors import CacheError
from ._client import element
from ._holes import collector
from ._pieces import piece_of
from ._place import placed
from ._registry import Fragment
from ._render import Call, render, within
from ._signed import address_of, has_addresses

AUTO: Final = "auto"
WAYS: Final = ("inline", "phased", "esi", "ssi", "client")


def composed(call: Call, by: str, request: HttpRequest | None) -> SafeString:
    """What stands in the text for the fragment; ``by`` is one of ``WAYS``, or "auto"."""
    if request is None:
        raise CacheError(
            f"The fragment {call.fragment.name} has no request here.",
            "Render the template with one: render(request, …), or put it into the context.",
        )
    if by not in (AUTO, *WAYS):
        raise CacheError(
            f"fragment {call.fragment.name}: by={by!r} is unknown.{nearest(by, WAYS)}",
            f"It is one of {', '.join(WAYS)}, or auto.",
        )
    way = _chosen(call.fragment, request) if by == AUTO else by
    return _WAYS[way](call, request)


def _chosen(fragment: Fragment, request: HttpRequest) -> str:
    """By audience, by whether the page is stored, by who is in between."""
    if fragment.lazy and has_addresses():
        return "client"
    if not fragment.personal or collector() is None:
        return "inline"
    return offered(request) or "phased"


def _inline(call: Call, request: HttpRequest) -> SafeString:
    return mark_safe(render(call, request))


def _phased(call: Call, request: HttpRequest) -> SafeString:
    return mark_safe(placed(request, [piece_of(call, "phased")])[0])


def _esi(call: Call, request: HttpRequest) -> SafeString:
    return mark_safe(placed(request, [piece_of(call, "esi")])[0])


def _ssi(call: Call, request: HttpRequest) -> SafeString:
    return mark_safe(placed(request, [piece_of(call, "ssi")])[0])


def _client(call: Call, request: HttpRequest) -> SafeString:
    return element(call.fragment, address_of(call, len(within.get())))


_WAYS: Final = {"inline": _inline, "phased": _phased, "esi": _esi, "ssi": _ssi, "client": _client}
