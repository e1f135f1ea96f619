"""``abulk_copy``: the same from coroutines, and from asynchronous generators."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, Final

from asgiref.sync import async_to_sync, sync_to_async
from django.db.models import Model

from ._copy import CopyResult, bulk_copy

PART: Final = 1000  # rows that are fetched from the event loop at a time


async def abulk_copy(
    model: type[Model], rows: Iterable[Any] | AsyncIterable[Any], **options: Any
) -> CopyResult:
    """``bulk_copy``; its rows may come from an asynchronous generator."""
    if isinstance(rows, AsyncIterable):
        rows = _fetched(aiter(rows))
    return await sync_to_async(bulk_copy)(model, rows, **options)


def _fetched(rows: AsyncIterator[Any]) -> Iterator[Any]:
    take = async_to_sync(_take)
    while part := take(rows):
        yield from part


async def _take(rows: AsyncIterator[Any]) -> list[Any]:
    found: list[Any] = []
    async for row in rows:
        found.append(row)
        if len(found) == PART:
            break
    return found
