"""What a JSON object is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Column:
    """One value; ``place`` is that of its column."""

    place: int


@dataclass(slots=True)
class Array:
    """Related rows; the column has them as JSON already."""

    place: int


@dataclass(slots=True)
class Object:
    """``key``: the place of the column that is NULL where there is no such row."""

    items: list[tuple[str, Part]] = field(default_factory=list)
    key: int | None = None

    def all(self) -> Iterator[Object]:
        """Itself, and all that are inside."""
        yield self
        for _, part in self.items:
            if isinstance(part, Object):
                yield from part.all()


Part = Column | Array | Object
