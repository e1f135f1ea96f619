"""The view behind a fragment's address: verified, checked, and rendered for who asks."""

from __future__ import annotations

import logging
from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.views.decorators.http import require_safe

from .._edges._trust import capability
from .._pages._conditional import unless_known
from .._pages._variants import etag
from ._render import Call, may, render, within
from ._signed import Address, BadAddress, read

logger = logging.getLogger("unhurried")

#: Of one reader: nobody in between may keep it, nor the browser's own cache.
PRIVATE: Final = "private, no-store"
SHARED: Final = "no-cache"


@login_not_required  # who may see it, the fragment says itself
@require_safe
def fragment_view(request: HttpRequest, name: str, signed: str) -> HttpResponseBase:
    """GET and HEAD; 400 for what we have not signed, 403 for who may not see it."""
    try:
        if request.GET:
            raise BadAddress("A fragment has no parameters but those in its address.")
        address = read(name, signed)
    except BadAddress as error:
        return _plain(str(error), error.status)
    with translation.override(address.language or None):
        return _answered(request, address)


def _answered(request: HttpRequest, address: Address) -> HttpResponseBase:
    call, edge = address.call, bool(capability(request.META))
    token = within.set(("(address)",) * address.depth)
    try:
        if not may(call.fragment, request):
            return _dressed(HttpResponse() if edge else _plain("This is not for you.", 403), call)
        return _dressed(HttpResponse(render(call, request)), call, request)
    except Exception:  # boundary: an edge would put Django's page about it into the middle of ours
        if not edge:
            raise
        logger.exception("The fragment %s has failed, at the edge.", call.fragment.name)
        got_request_exception.send(sender=None, request=request)
        return HttpResponse(status=500)
    finally:
        within.reset(token)


def _dressed(
    response: HttpResponse, call: Call, request: HttpRequest | None = None
) -> HttpResponseBase:
    response["X-Robots-Tag"] = "noindex"
    if call.fragment.personal or request is None:
        response["Cache-Control"] = PRIVATE
        return response
    response["Cache-Control"] = SHARED
    response["ETag"] = etag(response.content)
    return unless_known(request, response)


def _plain(text: str, status: int) -> HttpResponse:
    response = HttpResponse(f"{text}\n", content_type="text/plain; charset=utf-8", status=status)
    response["Cache-Control"] = PRIVATE
    return response
