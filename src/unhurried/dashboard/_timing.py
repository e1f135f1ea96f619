"""``Server-Timing``: where a page's time went, in the browser's own developer tools.

W3C Server Timing, https://www.w3.org/TR/server-timing/
"""

from __future__ import annotations

from collections.abc import Iterator

from django.http.response import HttpResponseBase

from unhurried.measure.reading import PARTS, Record

from ._format import SPACE, queries

HEADER = "Server-Timing"


def add(response: HttpResponseBase, record: Record) -> None:
    """A streamed body has not ended, so its times are not known yet."""
    if not record.wall:
        return
    timing = ", ".join(_metrics(record))
    before = response.headers.get(HEADER)
    response.headers[HEADER] = f"{before}, {timing}" if before else timing


def _metrics(record: Record) -> Iterator[str]:
    yield _metric("total", record.wall)
    for part, ns in zip(PARTS, record.parts, strict=True):
        if part == "db":
            yield f'{_metric(part, ns)};desc="{queries(record.queries)}"'.replace(SPACE, " ")
        elif ns or part == "view":
            yield _metric(part, ns)
    yield _metric("cpu", record.cpu)
    if record.queued is not None:
        yield _metric("queue", record.queued)


def _metric(name: str, ns: int) -> str:
    return f"{name};dur={ns / 1e6:.3f}".rstrip("0").rstrip(".")
