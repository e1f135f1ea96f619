"""The bodies of an entry, ready to be sent: as it is, and compressed, each with its own ETag."""

from __future__ import annotations

import gzip
import zlib
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

#: Bytes below which compressing gains nothing: one packet either way.
LEAST: Final = 200
LEVEL: Final = 6
_TEXT: Final = ("text/", "application/json", "application/javascript", "application/xml")

Bodies = tuple[tuple[bytes, ...], list[str]]


def bodies_of(content: bytes, kind: str, encoding: str, *, private: bool) -> Bodies:
    """(bodies, their encodings). Who has encoded it already knew why, so that one stays.

    A private page is not compressed: how long it gets would tell what it says to whoever may put
    something of his own into it (BREACH; GZipMiddleware knows a remedy, but one per response).
    """
    encoding = encoding.strip().lower()
    if encoding == "gzip":
        plain = _unzipped(content)
        return ((content,), ["gzip"]) if plain is None else ((plain, content), ["", "gzip"])
    if encoding not in ("", "identity"):
        return (content,), [encoding]
    if private or len(content) <= LEAST or not _is_text(kind):
        return (content,), [""]
    packed = gzip.compress(content, LEVEL, mtime=0)
    if len(packed) >= len(content):
        return (content,), [""]
    return (content, packed), ["", "gzip"]


def etag(body: bytes) -> str:
    """A strong one: the same bytes have the same, in every process, before and after a change."""
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


def chosen(encodings: list[str], accepted: str) -> int | None:
    """Which of the bodies to send for an Accept-Encoding; None if none of them will do."""
    if len(encodings) > 1 and accepts(accepted, encodings[1]):
        return 1
    return 0 if not encodings[0] or accepts(accepted, encodings[0]) else None


@lru_cache(1024)
def accepts(header: str, encoding: str) -> bool:
    """RFC 9110, 12.5.3: its own weight, else that of ``*``; a weight of zero refuses."""
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _, parameter = part.partition(";")
        weights[name.strip()] = _weight(parameter)
    return weights.get(encoding, weights.get("*", 0.0)) > 0


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _is_text(kind: str) -> bool:
    kind = kind.partition(";")[0].strip().lower()
    return kind.startswith(_TEXT) or kind.endswith(("+xml", "+json"))


def _unzipped(content: bytes) -> bytes | None:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return None


def index_of(meta: dict[str, Any], accepted: str) -> int | None:
    return chosen(meta["encodings"], accepted)
