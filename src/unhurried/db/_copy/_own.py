"""Keys into the table itself: rows may refer to later ones, so that it is known at the end alone
which of them refer to none."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError
from django.db.models import Model

from .._errors import CopyError
from ._columns import MISSING
from ._many import is_own
from ._plan import key_of
from ._rows import Source
from ._table import Table

Numbered = tuple[int, Any, tuple[Any, ...]]


class OwnKeys:
    """What rows refer to: sixteen bytes of each, to name one by."""

    def __init__(self, source: Source, tables: Sequence[Table]) -> None:
        self._source = source
        self._noted = {
            place: (_table_of(field, tables), array("q"), array("q"))
            for place, field in enumerate(source.given)
            if field.is_relation and field.db_constraint and is_own(field)
        }
        self._gone: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._noted)

    def note(self, part: Iterable[Numbered]) -> None:
        for place, (_, hashes, numbers) in self._noted.items():
            field = self._source.given[place]
            for number, _, values in part:
                key = key_told(field, values[place])
                if key is not None:
                    hashes.append(hash(key))
                    numbers.append(number)

    def are_whole(self) -> bool:
        """Whether no row refers to none, and none would be lost with the one it refers to."""
        fields = [self._source.given[place] for place in self._noted]
        if any(hasattr(field.remote_field.on_delete, "operation") for field in fields):
            return False  # the database deletes them, or changes them
        return not any(self._missing(place, most=1) for place in self._noted)

    def first(self) -> CopyError | None:
        """The error of a row that refers to none."""
        return next((error for place in self._noted for error in self._errors(place, most=1)), None)

    def take_back(self) -> tuple[int, list[CopyError]]:
        """Rows that refer to none, and then those that refer to them: how many were stored."""
        count, every = 0, []
        while found := [error for place in self._noted for error in self._errors(place)]:
            every += found
            for place, (table, _, _) in self._noted.items():
                count += table.take_back(self._source.given[place])
        return count, every

    def _missing(self, place: int, most: int | None = None) -> list[Any]:
        return self._noted[place][0].missing_own(self._source.given[place], most)

    def _errors(self, place: int, most: int | None = None) -> list[CopyError]:
        field, (_, hashes, numbers) = self._source.given[place], self._noted[place]
        missing = {hash(value): value for value in self._missing(place, most)}
        found = []
        if missing:
            for hashed, number in zip(hashes, numbers, strict=True):
                if hashed in missing and number not in self._gone:
                    self._gone.add(number)
                    found.append(self._error(field, number, missing[hashed]))
        return found

    def _error(self, field: Any, number: int, value: Any) -> CopyError:
        cause = IntegrityError(f"there is no {field.related_model._meta.label} with that key")
        return CopyError(number, self._source.at(number), field.name, value, cause)


def _table_of(field: Any, tables: Sequence[Table]) -> Table:
    return next(each for each in tables if field.model is each.model)


def key_told(field: Any, value: Any) -> Any:
    """What a row refers to; None where it refers to none, or the database says to what."""
    if value is MISSING:
        value = field.get_default()
    if isinstance(value, Model):
        value = key_of(field, value)
    if value is None or hasattr(value, "resolve_expression"):
        return None
    return field.to_python(value)
