"""The second phase: the pieces that a page is without, made for one reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Final

from django.http import HttpRequest
from django.middleware.csrf import get_token

from .._audience import apart
from .._edges._includes import include
from .._edges._offer import offered
from .._engine._around import speaking, spoken
from .._engine._look import glance_many
from . import _phased
from ._holes import IN, OPAQUE, Hole, Piece, collected, collecting
from ._pieces import AUTO, call_of
from ._place import makers, personal
from ._render import Call, render, within
from ._signed import address_of, has_address


def values(request: HttpRequest, pieces: Sequence[Piece]) -> list[str]:
    """The HTML of each, where nothing is to be done to it."""
    return of_holes(request, [[0, "", *piece] for piece in pieces])


def of_holes(request: HttpRequest, holes: Sequence[Hole]) -> list[str]:
    """The HTML of each; what is kept of them is fetched in one round trip."""
    opaque = collecting.get() is OPAQUE
    with collected(OPAQUE if opaque else None), nullcontext() if opaque else apart(request):
        made, calls = _parted(request, holes)
        _look_up(request, list(calls.values()))
        made |= {n: render(call, request) for n, call in calls.items()}
    return [made[n] for n in range(len(holes))]


def is_included(request: HttpRequest, hole: Hole) -> bool:
    """Whether the request's edge puts it in: it reads no include that is written otherwise."""
    _, form, kind, *more = _bare(hole)
    edge = offered(request)
    if not edge or kind != "fragment" or form:
        return False
    by = more[2]
    return bool(by == edge or (by == AUTO and has_address(call_of([kind, *more]))))


def _parted(request: HttpRequest, holes: Sequence[Hole]) -> tuple[dict[int, str], dict[int, Call]]:
    """What can be said at once, and the fragments that are to be rendered here."""
    made: dict[int, str] = {}
    calls: dict[int, Call] = {}
    for n, hole in enumerate(holes):
        _, _, kind, *more = hole
        if kind == IN:
            made[n] = _elsewhere(request, hole)
        elif kind != "fragment":
            personal(_WHAT[kind])
            made[n] = _MADE[kind](request, *more)
        elif is_included(request, hole):
            address = address_of(call_of(hole[2:]), len(within.get()))
            made[n] = include(request, offered(request), address)
        else:
            calls[n] = call_of(hole[2:])
    return made, calls


def _elsewhere(request: HttpRequest, hole: Hole) -> str:
    """In the language and time zone that are where it stands."""
    bare = _bare(hole)
    with speaking(*hole[3:5]):
        return of_holes(request, [bare])[0]


def _bare(hole: Hole) -> Hole:
    """Without these. An address says its language, but no time zone."""
    if hole[2] != IN:
        return hole
    offset, form, _, _, zone, kind, *more = hole
    if kind == "fragment" and zone != spoken()[1]:
        more[2] = "phased"
    return [offset, form, kind, *more]


def _look_up(request: HttpRequest, calls: Sequence[Call]) -> None:
    asked = [(call, found) for call in calls if (found := call.asked(request))]
    if len(asked) > 1:
        lookups = glance_many([found for _, found in asked])
        for (call, _), lookup in zip(asked, lookups, strict=True):
            call.lookup = lookup


def _csrf(request: HttpRequest) -> str:
    return get_token(request)


def _nonce(request: HttpRequest, name: str) -> str:
    """Of this response: to use it is what puts it into the header."""
    value = getattr(request, name, None)  # django-csp's lies there only once it was used
    return str(getattr(request, "csp_nonce", "") if value is None else value)


_MADE: Final[dict[str, Callable[..., str]]] = {
    "phased": _phased.second,
    "csrf": _csrf,
    "nonce": _nonce,
}
_WHAT: Final = {"phased": "a phased block", "csrf": "a CSRF token", "nonce": "a nonce"}
makers.append(values)
