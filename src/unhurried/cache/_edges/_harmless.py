"""Every answer that goes through an edge of SSI, for nginx composes whatever is HTML.

Varnish composes only what says so; nginx can't be told by the answer. So all that leaves the site
by such an edge is made harmless, but for what we have composed ourselves.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ._neutral import neutral
from ._trust import capability

#: A view sets it on its response where the includes are its own, and all else is harmless.
MEANT: Final = "unhurried_includes"
#: Bytes at the end of a chunk that the next may make the beginning of an include: ``<!--es``.
HELD: Final = 6


def harmless(request: HttpRequest, response: HttpResponseBase) -> None:
    """Change the answer in place if it goes through an edge of SSI, and was not meant so."""
    if capability(request.META) != "ssi" or getattr(response, MEANT, False):
        return
    if response.get("Content-Type", "").partition(";")[0].strip().lower() != "text/html":
        return  # nginx reads nothing else, as it is shipped
    if response.has_header("Content-Encoding"):
        return  # nor what is compressed
    _change(response)


def _change(response: Any) -> None:
    if not response.streaming:
        body = neutral(response.content, "text/html")
        if body is not response.content:
            response.content = body
            if response.has_header("Content-Length"):
                response["Content-Length"] = str(len(body))
        return
    for name in ("Content-Length", "ETag"):  # what will be changed is not known yet
        del response[name]
    each: Any = _each_async if response.is_async else _each
    response.streaming_content = each(response.streaming_content)


class _Stream:
    """Chunks, each held back at its end as long as the next could go on with it.

    Scripts are not told from the rest here: that would take all that has gone before.
    """

    def __init__(self) -> None:
        self.left = b""

    def next(self, chunk: bytes) -> bytes:
        data = self.left + chunk
        place = data.rfind(b"<", max(len(data) - HELD, 0))
        cut = len(data) if place < 0 else place
        self.left = data[cut:]
        return neutral(data[:cut], "text/html")

    def end(self) -> bytes:
        return neutral(self.left, "text/html")


def _each(chunks: Iterable[bytes]) -> Iterator[bytes]:
    stream = _Stream()
    for chunk in chunks:
        yield stream.next(chunk)
    yield stream.end()


async def _each_async(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    stream = _Stream()
    async for chunk in chunks:
        yield stream.next(chunk)
    yield stream.end()
