"""What ``edge check`` asks the site, through the edge: what arrives here, and a page to be kept.

The addresses are signed, and good for a minute: nobody else learns what the site sees of its proxy.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from .._units import _tags
from ._harmless import MEANT
from ._surrogate_keys import CONTROL, label
from ._trust import capability

SALT: Final = "unhurried.edge"
SECONDS: Final = 60
KEPT: Final = 30  # seconds
INCLUDES: Final = {"esi": '<esi:include src="%s"/>', "ssi": '<!--#include virtual="%s" -->'}
GONE: Final = "This address of `manage.py unhurried edge check` is not signed by us, or is too old."


def url_of(kind: str, nonce: str) -> str:
    """The path of "seen", "page" or "piece"; NoReverseMatch without unhurried.urls."""
    return reverse("unhurried:edge", args=[signing.dumps([kind, nonce], salt=SALT)])


def tag_of(nonce: str) -> str:
    return _tags.named(f"(edge check {nonce})")


def piece_of(nonce: str) -> str:
    return f"piece {nonce}"


@login_not_required  # its addresses are signed
@require_safe
def edge_probe(request: HttpRequest, signed: str) -> HttpResponse:
    try:
        kind, nonce = signing.loads(signed, salt=SALT, max_age=SECONDS)
    except signing.BadSignature:
        return HttpResponse(GONE, status=404, content_type="text/plain")
    if kind == "page":
        return _page(request, nonce)
    response = HttpResponse(piece_of(nonce)) if kind == "piece" else JsonResponse(_seen(request))
    response["Cache-Control"] = "no-store"
    return response


def _seen(request: HttpRequest) -> dict[str, Any]:
    return {
        "remote": request.META.get("REMOTE_ADDR", ""),
        "capability": request.META.get("HTTP_SURROGATE_CAPABILITY", ""),
        "believed": capability(request.META),
    }


def _page(request: HttpRequest, nonce: str) -> HttpResponse:
    """Another one each time it is made; the edge may keep it until its tag is purged."""
    kind = capability(request.META)
    piece = INCLUDES[kind] % url_of("piece", nonce) if kind else ""
    response = HttpResponse(f"<p>{secrets.token_hex(8)}: {piece}</p>")
    response["Cache-Control"] = "no-cache"
    setattr(response, MEANT, True)
    if kind == "esi":
        response[CONTROL] = 'content="ESI/1.0"'
        label(response, [tag_of(nonce)], KEPT)
    return response
