"""Addresses of fragments: a registered name, typed arguments, and a signature over both.

``f/<name>/<payload>:<signature>/``: the payload is JSON in base64, the signature HMAC-SHA256 in
full, by SECRET_KEY; what SECRET_KEY_FALLBACKS has signed is still good. It says that we have made
the address, not that its reader may see what is there: that is asked anew each time.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final

from django.core.signing import BadSignature, Signer
from django.urls import NoReverseMatch, reverse
from django.utils import translation

from .._errors import CacheError
from ._arguments import WrongArgument
from ._registry import named
from ._render import DEPTH, Call

SALT: Final = "unhurried.fragment"
LONGEST: Final = 2000  # characters of payload and signature
_SIGNATURE: Final = 43  # of HMAC-SHA256 in base64
_LONGEST_PAYLOAD: Final = LONGEST - len(":") - _SIGNATURE
_ANY_LANGUAGE: Final = "x" * 35  # as long as RFC 5646 has them at most, 4.4.1
FORMAT: Final = 1


class BadAddress(Exception):  # noqa: N818 - what is the case
    """No address of ours; ``status`` is what HTTP says of it."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Address:
    """What an address says: the call, how deep in other fragments it lies, and its language."""

    call: Call
    depth: int
    language: str


def address_of(call: Call, depth: int) -> str:
    """The path of a fragment; the same for the same call, so that caches can keep it.

    Raises CacheError where the site's URLs lead to none, or its arguments are too long for one.
    """
    payload = _payload(call, depth, translation.get_language() or "")
    signature = _signer().signature(f"{call.fragment.name}/{payload}")
    if len(payload) > _LONGEST_PAYLOAD:
        raise CacheError(
            f"The arguments of the fragment {call.fragment.name} are too long for an address: it "
            f"would have {len(payload)} characters of them, and {_LONGEST_PAYLOAD} are the most.",
            'Pass a key, and load the text inside: pk=book.pk. Or use by="phased".',
        )
    try:
        return reverse("unhurried:fragment", args=[call.fragment.name, f"{payload}:{signature}"])
    except NoReverseMatch:
        raise CacheError(
            f"The fragment {call.fragment.name} has no address.",
            'Add path("unhurried/", include("unhurried.urls")) to the URLs, or use by="inline".',
        ) from None


def has_address(call: Call) -> bool:
    """Whether this one can have an address: its arguments may be too long for any.

    The same in each language: who asks whether a page has pieces may do so in another than who puts
    them in.
    """
    return has_addresses() and len(_payload(call, DEPTH, _ANY_LANGUAGE)) <= _LONGEST_PAYLOAD


def _payload(call: Call, depth: int, language: str) -> str:
    values = call.fragment.arguments.dumped(call.values)
    said = [FORMAT, depth, language, values]
    return _encoded(json.dumps(said, separators=(",", ":"), ensure_ascii=True).encode())


def has_addresses() -> bool:
    """Whether the site's URLs lead to fragments."""
    try:
        reverse("unhurried:fragment", args=["a", "a"])
    except NoReverseMatch:
        return False
    return True


def read(name: str, signed: str) -> Address:
    """What an address asks for, verified, then decoded; ``BadAddress`` for one we have not made."""
    if len(signed) > LONGEST:
        raise BadAddress("This address is too long.", 414)
    payload, _, signature = signed.partition(":")
    try:
        _signer().unsign(f"{name}/{payload}:{signature}")
    except BadSignature:
        raise BadAddress("This address was not made by this site.") from None
    return _address(name, payload)


def _address(name: str, payload: str) -> Address:
    try:
        form, depth, language, given = json.loads(_decoded(payload))
        if form != FORMAT or not isinstance(depth, int) or not isinstance(language, str):
            raise BadAddress("This address is of another version of this site.", 410)
        fragment = named(name)
        call = Call(fragment, fragment.arguments.loaded(given))
    except CacheError:
        raise BadAddress("There is no such fragment any more.", 404) from None
    except (ValueError, TypeError) as error:
        text = str(error) if isinstance(error, WrongArgument) else "This address can't be read."
        raise BadAddress(text) from None
    if depth >= DEPTH:
        raise BadAddress(f"Fragments lie in each other {DEPTH} deep at most.")
    return Address(call, depth, language)


def _signer() -> Signer:
    return Signer(salt=SALT)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
