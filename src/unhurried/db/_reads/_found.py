"""What a read gives: asked for when it is needed, kept, and handed out as a sequence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any, Final, Generic, TypeVar, overload

from asgiref.sync import sync_to_async
from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist

from ._fetch import no_collection

T = TypeVar("T")
FEW: Final = 100  # rows that are not worth a pause
PART: Final = 200  # rows fetched at a time: what the processor's caches have room for
CHUNK: Final = 2000  # rows that an iterator fetches at a time, from a cursor of the server's


class Found(Sequence[T], Generic[T]):
    """Lazy and kept, as a queryset: the database is asked once, when the first row is wanted.

    ``iterator(2000)`` keeps nothing and asks each time; ``get()`` is the only one; ``async for``
    asks from a thread.
    """

    def __init__(
        self, load: Callable[[], list[T]], stream: Callable[[int], Iterable[T]], model: Any
    ) -> None:
        self._load, self._stream, self._model = load, stream, model
        self._kept: list[T] | None = None

    def _all(self) -> list[T]:
        if self._kept is None:
            self._kept = self._load()
        return self._kept

    def __iter__(self) -> Iterator[T]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __bool__(self) -> bool:
        return bool(self._all())

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        return self._all()[index]

    def __repr__(self) -> str:
        if self._kept is None:
            return f"<Found of {self._model.__name__}, not asked for yet>"
        return f"<Found {self._kept!r}>"

    async def __aiter__(self) -> AsyncIterator[T]:
        for each in await sync_to_async(self._all)():
            yield each

    def first(self) -> T | None:
        """The first one, or None."""
        found = self._all()
        return found[0] if found else None

    def get(self) -> T:
        """The only one. Raises the model's DoesNotExist or MultipleObjectsReturned."""
        found = self._all()
        if len(found) == 1:
            return found[0]
        name = self._model.__name__
        if not found:
            none: type[Exception] = getattr(self._model, "DoesNotExist", ObjectDoesNotExist)
            raise none(f"There is no such {name}.")
        many = getattr(self._model, "MultipleObjectsReturned", MultipleObjectsReturned)
        raise many(f"There are {len(found)} such {name}s.")

    def iterator(self, chunk_size: int = CHUNK) -> Iterator[T]:
        """One after the other, ``chunk_size`` at a time, from the server's cursor if it has one."""
        return iter(self._stream(chunk_size))


def part_of(rows: Any, load: Callable[[Any, Any], None]) -> list[Any]:
    """What ``load`` makes of these rows."""
    made: list[Any] = []
    if len(rows) < FEW:
        load(rows, made.append)
        return made
    with no_collection():
        load(rows, made.append)
    return made


def joined(parts: Iterator[list[T]]) -> list[T]:
    """All rows; from the second part on without collections of garbage, which are of no use."""
    found = next(parts, [])
    with no_collection() if len(found) >= PART else nullcontext():
        for part in parts:
            found += part
    return found
