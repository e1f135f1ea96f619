"""The CSRF token in a response that was made with a secret of nobody's: its reader gets his own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from django.http.response import HttpResponseBase

from .._fragments import _automatic


def give(response: HttpResponseBase, secret: str, own: bytes) -> None:
    """In headers, cookies and what is streamed; a body that is there has a hole for it."""
    for name, value in in_headers(response, secret, own).items():
        response[name] = value
    for cookie in response.cookies.values():
        _in_cookie(cookie, secret, own)
    if response.streaming:
        _in_stream(response, secret, own)


def in_headers(response: HttpResponseBase, secret: str, own: bytes) -> dict[str, str]:
    """Headers with a token in them, with the reader's ``own`` in its place."""
    found = {}
    for name, value in response.items():
        text, count = _automatic.with_tokens(value.encode("latin-1"), secret, lambda: own)
        if count:
            found[name] = text.decode("latin-1")
    return found


def _in_cookie(cookie: Any, secret: str, own: bytes) -> None:
    """A script may read the token from a cookie of the view's own."""
    value = cookie.value.encode("utf-8", "surrogatepass")
    text, count = _automatic.with_tokens(value, secret, lambda: own)
    if count:
        told, _ = _automatic.with_tokens(cookie.coded_value.encode(), secret, lambda: own)
        cookie.set(cookie.key, text.decode("utf-8", "surrogatepass"), told.decode())


def _in_stream(response: Any, secret: str, own: bytes) -> None:
    """What comes later sees the reader's own; but some of it may be there already."""

    def owned(chunk: bytes) -> bytes:
        return _automatic.with_tokens(chunk, secret, lambda: own)[0]

    chunks = response.streaming_content
    told = _each(owned, chunks) if response.is_async else map(owned, chunks)
    response.streaming_content = told


async def _each(change: Callable[[bytes], bytes], chunks: Any) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield change(chunk)
