"""What of a page is for everybody: one more replay, observed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest

from unhurried.cache.reading import Verdict, begin, finish, record, regions_of, verdict_of
from unhurried.queries.reading import replay

_HERE: Final = f"{__name__}.innermost"


def verdict(url: str, user: str | None) -> Verdict | None:
    """None where there is no page to tell it of: a stream, a file, data."""
    with _observed(), record() as recorder:
        page = replay(url, user, count=False)
    response = recorder.response
    if response is None or response.streaming or recorder.request is None:
        return None
    if not response.get("Content-Type", "").startswith("text/html"):
        return None
    text = response.content.decode(response.charset, "replace")
    return verdict_of(recorder, response, regions_of(recorder.view, text), page.held)


@contextmanager
def _observed() -> Iterator[None]:
    """A site that is diagnosed need not have our middleware; this is the last before the view."""
    before = settings.MIDDLEWARE
    settings.MIDDLEWARE = [*before, _HERE]
    try:
        yield
    finally:
        settings.MIDDLEWARE = before


def innermost(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware."""

    def middleware(request: HttpRequest) -> Any:
        begin(request)
        response = get_response(request)
        finish(response)
        return response

    return middleware
