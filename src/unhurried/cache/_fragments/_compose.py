"""How a fragment gets into a page: now, in the second phase, at the edge, or in the browser."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe

from unhurried.conf import nearest

from .._errors import CacheError
from ._client import element
from ._pieces import AUTO, piece_of
from ._place import placed
from ._render import Call, render, within
from ._signed import address_of, has_address

WAYS: Final = ("inline", "phased", "esi", "ssi", "client")


def composed(call: Call, by: str, request: HttpRequest | None) -> SafeString:
    """What stands in the text for the fragment; ``by`` is one of ``WAYS``, or "auto".

    That is: in the browser what is lazy; now what is for all; by the edge if there is one that can;
    else now where the page is not kept, and in the second phase where it is.
    """
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
    if by == "client" or (by == AUTO and call.fragment.lazy and has_address(call)):
        return element(call.fragment, address_of(call, len(within.get())))
    if by == "inline" or (by == AUTO and not call.fragment.personal):
        return mark_safe(render(call, request))
    return mark_safe(placed(request, [piece_of(call, by)])[0])
