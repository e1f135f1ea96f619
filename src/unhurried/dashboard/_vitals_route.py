"""A page's route as its script tells it: in plain text, signed, so that nobody can invent one.

There is no time in it: the page may be kept for long. HMAC-SHA256 in full by SECRET_KEY; what
SECRET_KEY_FALLBACKS has signed still counts.
"""

from __future__ import annotations

from typing import Any, Final

from django.core.signing import BadSignature, Signer

from unhurried.measure.reading import UNRESOLVED

SALT: Final = "unhurried.vitals"
LONGEST: Final = 200  # characters: more of a route's name is not kept either


def signed(request: Any) -> str:
    """The route of the page that is being made."""
    match = request.resolver_match
    route = UNRESOLVED if match is None else str(match.route or "")
    return Signer(salt=SALT).sign(route[:LONGEST])


def read(text: str) -> str | None:
    """The route; None for what we have not signed."""
    try:
        return Signer(salt=SALT).unsign(text)
    except (BadSignature, UnicodeEncodeError):  # the latter: half a surrogate
        return None
