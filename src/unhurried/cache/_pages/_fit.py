"""Why a page that was made is not fit to be kept for others, in half a sentence; empty if it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http.response import HttpResponseBase

from .._audience import refusal, unproven, varies
from . import _refused

if TYPE_CHECKING:
    from ._making import Making


def reason(making: Making, response: HttpResponseBase, *, final: bool) -> str:
    """``final``: with the headers of all middleware. Raises NotShared under STRICT."""
    return _unproven(making) or _pieces(making) or of_response(making, response, final=final)


def _unproven(making: Making) -> str:
    page = making.visit.page
    options = page.options
    touched = {what: line for seen in reversed(making.seen) for what, line in seen.touched.items()}
    touched |= making.brought
    for what in (*making.automatic, *(("messages",) if making.quiet else ())):
        touched.pop(what, None)
    found = unproven(
        touched,
        audience=options.audience,
        vary=options.vary,
        allowed=making.visit.allowed,
    )
    if not found:
        return ""
    try:
        return _refused.not_shared(page.name, found)
    except _refused.NotShared:
        making.close()
        raise


def _pieces(making: Making) -> str:
    holed = making.holed
    reasons = [*making.collector.refusals, *(holed.reasons() if holed else ())]
    return reasons[0] if reasons else ""


def of_response(making: Making, response: HttpResponseBase, *, final: bool) -> str:
    options = making.visit.page.options
    with making.spoken.unsaid(response):
        return refusal(
            *(making.visit.request, response),
            audience=options.audience,
            vary=options.vary,
            final=final,
        )


def of_others(making: Making, response: HttpResponseBase) -> str:
    """For which readers only it is what decorators or middleware have made of it, by its Vary."""
    options = making.visit.page.options
    return varies(response, audience=options.audience, vary=options.vary)
