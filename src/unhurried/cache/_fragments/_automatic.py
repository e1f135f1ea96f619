"""What becomes a hole by itself: CSRF tokens and nonces, which are one of each response.

While a page is made for all, the CSRF secret it sees is a number of our own, which is nobody's;
whatever in the text was made from it is a token, and a hole. A nonce is looked for as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, Final

from django.middleware import csrf as django_csrf
from django.middleware.csrf import CSRF_TOKEN_LENGTH

from .._audience._swap import held_by
from ._holes import Collector

#: Where a request carries its nonce: Django's own, from 6.0, and django-csp's.
_NONCES: Final = ("_csp_nonce", "csp_nonce")
_RUNS: Final = re.compile(rb"[A-Za-z0-9]{%d,}" % CSRF_TOKEN_LENGTH)
_LONGEST: Final = 512  # characters of a run that may hide a token


def marked(
    text: bytes, into: Collector, request: Any, touched: Collection[str]
) -> tuple[bytes, set[str]]:
    """The text with marks for what was found of ``touched``, and what that was."""
    found = set()
    if "csrf" in touched:
        text, count = with_tokens(text, into.csrf(), lambda: into.mark(["csrf"]).encode())
        found |= {"csrf"} if count else set()
    if "nonce" in touched:
        text, count = _without_nonces(text, into, request)
        found |= {"nonce"} if count else set()
    return text, found


def with_tokens(text: bytes, secret: str, token: Callable[[], bytes]) -> tuple[bytes, int]:
    """The text with another in the place of each token of the secret, and how many there were."""
    count = 0

    def mark(run: re.Match[bytes]) -> bytes:
        nonlocal count
        whole = run[0]
        for start in range(min(len(whole), _LONGEST) - CSRF_TOKEN_LENGTH + 1):
            end = start + CSRF_TOKEN_LENGTH
            if _secret_of(whole[start:end].decode()) == secret:
                count += 1
                return whole[:start] + token() + whole[end:]
        return whole

    return _RUNS.sub(mark, text), count


def _secret_of(token: str) -> str:
    return str(django_csrf._unmask_cipher_token(token))  # type: ignore[attr-defined]


def _without_nonces(text: bytes, into: Collector, request: Any) -> tuple[bytes, int]:
    count = 0
    for name in _NONCES:
        value = held_by(request).get(name)
        plain = "" if value is None else str(value)
        if len(plain) >= 16:
            count += text.count(plain.encode())
            parts = text.split(plain.encode())
            text = parts[0] + b"".join(
                into.mark(["nonce", name]).encode() + part for part in parts[1:]
            )
    return text, count
