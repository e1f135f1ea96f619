"""How a body is spelled: compressed, in a charset; marks are found where letters are ASCII's."""

from __future__ import annotations

import gzip

from django.http import HttpResponse

from .._errors import CacheError


def plain(response: HttpResponse, name: str, *, marked: bool) -> bytes:
    """As it was before it was compressed; as it is, where nobody can say.

    Raises CacheError where it is ``marked``: then it has to be known.
    """
    encoding = response.get("Content-Encoding", "identity").strip().lower()
    if is_plain(response.charset) and encoding in ("identity", "gzip"):
        return gzip.decompress(response.content) if encoding == "gzip" else response.content
    if not marked:
        return response.content
    raise CacheError(
        f"{name} has fragments, and comes as {encoding} in {response.charset}.",
        'Compress it in a middleware; or put them in at once: {% fragment … by="inline" %}.',
    )


def is_plain(charset: str) -> bool:
    """Whether letters are in it as they are in ASCII."""
    return "<u>".encode(charset) == b"<u>"
