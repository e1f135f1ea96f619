"""What waits to be applied: sums per row, so that it grows with the rows and not with the hits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from ._target import Target


class Row(NamedTuple):
    """What is to be added to one field of one row."""

    pk: Any
    field: str
    n: int


class Counts:
    """Of one target. ``hits`` is what is lost with it: of +3 and -3 six, though the sum is 0."""

    __slots__ = ("by_pk", "hits", "target")

    def __init__(self, target: Target) -> None:
        self.target = target
        self.by_pk: dict[Any, int] = {}
        self.hits = 0

    def add(self, pk: Any, n: int) -> None:
        self.by_pk[pk] = self.by_pk.get(pk, 0) + n
        self.hits += abs(n)


@dataclass(slots=True)
class Batch:
    """What one flush applies: once it has a sequence it never changes, so it can be tried again."""

    sequence: int
    counts: dict[str, Counts]
    applied: bool = False
    committing: float = 0.0  # time.time() of the first COMMIT: from then on it may have happened

    def pending(self, label: str, pk: Any) -> int:
        counts = self.counts.get(label)
        return 0 if counts is None else counts.by_pk.get(pk, 0)

    def hits(self, label: str | None = None) -> int:
        """Of one target, or of all."""
        return sum(c.hits for name, c in self.counts.items() if label in (None, name))

    def rows(self) -> Iterator[tuple[Any, list[Row]]]:
        """(model, its rows in the order of their keys), by the names of tables.

        All processes lock in this order, all fields of a row together: none waits for another that
        waits for it.
        """
        found: dict[Any, list[Row]] = {}
        for counts in self.counts.values():
            name = counts.target.field.name
            rows = [Row(pk, name, n) for pk, n in counts.by_pk.items() if n]
            found.setdefault(counts.target.model, []).extend(rows)
        for model in sorted(found, key=lambda model: str(model._meta.db_table)):
            if found[model]:
                yield model, sorted(found[model], key=itemgetter(0, 1))
