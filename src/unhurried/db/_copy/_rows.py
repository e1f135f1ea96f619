"""Rows of any kind as tuples: one value for each field that is given."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, Final

from django.db.models import CharField, FileField, FilePathField, Model, TextField

from unhurried.conf import nearest

from .._errors import DbError
from .._kinds import names_of
from ._columns import AUTO, MISSING, concrete, field_of, named, names_in
from ._plan import RowError
from ._stock import read_off

Row = tuple[Any, ...]
Extract = Callable[[Any], Row]


class Source:
    """Where rows come from: ``given`` names the fields that they have a value for."""

    def __init__(self, model: type[Model], rows: Any, fields: Sequence[str] | None) -> None:
        self.model = model
        self.given: list[Any] = []
        self.missing: Row = ()
        self._read_off: list[Any] = []
        self._extracts: dict[type, Extract] = {}
        self.is_csv = isinstance(rows, io.TextIOBase) or hasattr(rows, "readline")
        if self.is_csv:
            rows, fields = _of_csv(rows, fields)
        self._rows = rows
        self.raw: Iterator[Any] = iter(rows)
        first = next(self.raw, MISSING)
        if first is MISSING:
            self.given = named(model, fields or ())
            return
        self.raw = chain([first], self.raw)
        self.given = named(model, fields) if fields is not None else self._given_by(first)
        self._read_off = read_off(model)
        self.with_keys(self._read_off)

    def _given_by(self, row: Any) -> list[Any]:
        if isinstance(row, Mapping):
            return concrete(self.model)
        if isinstance(row, Model):
            return self._of_instance(row)
        names = names_of(type(row))
        if names is None:
            raise DbError(
                f"Nobody knows which fields of {self.model._meta.label} a "
                f"{type(row).__name__} has.",
                'Name them: bulk_copy(Model, rows, fields=["title", "pages"]).',
            )
        return named(self.model, names)

    def _of_instance(self, row: Model) -> list[Any]:
        if not isinstance(row, self.model):
            raise DbError(
                f"{type(row).__name__} is no {self.model.__name__}.",
                "Pass instances of the model that is copied.",
            )
        return concrete(self.model)

    def at(self, number: int) -> Any:
        """A row that was read long ago; None where it can't be read again."""
        return self._rows[number] if isinstance(self._rows, Sequence) else None

    def tuple_of(self, row: Any) -> Row:
        """One row's values, in the order of ``given``. Raises TypeError, ValueError, RowError."""
        kind = type(row)
        extract = self._extracts.get(kind)
        if extract is None:
            extract = self._extracts[kind] = self._extract(kind)
        found = extract(row)
        return self._with_made(found) if self._read_off and not isinstance(row, Model) else found

    def _with_made(self, row: Row) -> Row:
        """Fields that want to see their instance, as it is made or before it is saved, see one."""
        pairs = zip(self.given, row, strict=True)
        values = list(row)
        try:
            made = self.model(**{_name(f, v): v for f, v in pairs if v is not MISSING})
            for field in self._read_off:
                values[self.given.index(field)] = _saved(field, made)
        except Exception as error:  # boundary: models and descriptors of the site's own
            raise RowError(0, error) from error
        return tuple(values)

    def _extract(self, kind: type) -> Extract:
        if issubclass(kind, Model):
            return self._instance
        if issubclass(kind, Mapping):
            return self._mapping
        if issubclass(kind, tuple | list) and not hasattr(kind, "_fields"):
            return self._sequence
        names = names_of(kind)
        if names is None:
            raise TypeError(f"a {kind.__name__} is no row")
        return self._by_attributes(names)

    def _sequence(self, row: Any) -> Row:
        width = len(self.given) - len(self.missing)
        if len(row) != width:
            raise ValueError(f"{len(row)} values for {width} fields")
        if self.is_csv:
            pairs = zip(row, self.given, strict=False)
            row = [value if value or _keeps_empty(field) else None for value, field in pairs]
        return (*row, *self.missing)

    def _mapping(self, row: Any) -> Row:
        found = [MISSING] * len(self.given)
        for name, value in row.items():
            found[self._place(name)] = value
        return tuple(found)

    def _place(self, name: Any) -> int:
        known = self._places
        if name not in known:
            raise ValueError(f"there is no field {name!r}.{nearest(str(name), known)}")
        return known[name]

    @cached_property
    def _places(self) -> dict[Any, int]:
        places = {field: place for place, field in enumerate(self.given)}
        known = names_in(self.model)
        return {name: places[field] for name, field in known.items() if field in places}

    def _by_attributes(self, names: Sequence[str]) -> Extract:
        places: list[str | None] = [None] * len(self.given)
        for name in names:
            field = field_of(self.model, name)
            if field in self.given:
                places[self.given.index(field)] = name

        def extract(row: Any) -> Row:
            return tuple(MISSING if name is None else getattr(row, name) for name in places)

        return extract

    def _instance(self, row: Any) -> Row:
        return tuple(_saved(field, row) for field in self.given)

    def with_keys(self, keys: Sequence[Any]) -> None:
        """From now on these are among what is given, MISSING where a row says nothing of them."""
        new = [key for key in keys if key not in self.given]
        self.missing += (MISSING,) * len(new)
        self.given.extend(new)


def _name(field: Any, value: Any) -> str:
    return str(field.name if isinstance(value, Model) else field.attname)


def _saved(field: Any, row: Any) -> Any:
    """As it would be saved; MISSING where the database is to fill it."""
    if field.is_relation and field.is_cached(row):
        other = getattr(row, field.name)
        if other is not None:
            value = getattr(other, field.target_field.attname)
            if value is None:
                raise ValueError(f"{field.name} is not saved yet")
            return value
    value = field.pre_save(row, add=True)
    if type(value).__name__ == "DatabaseDefault" or (value is None and isinstance(field, AUTO)):
        return MISSING
    return value


def _keeps_empty(field: Any) -> bool:
    """What is empty in a CSV is a text of no letters where the field is one, else NULL."""
    return isinstance(field, CharField | TextField | FileField | FilePathField)


def _of_csv(file: Any, fields: Sequence[str] | None) -> tuple[Iterable[Any], Sequence[str]]:
    """An open file: its first line names the fields, unless ``fields`` does."""
    lines = _csv_lines(file)
    if fields is None:
        fields = next(lines, None)
        if fields is None:
            raise DbError("The file is empty.", "Its first line names the fields.")
    return lines, fields


def _csv_lines(file: Any) -> Iterator[list[str]]:
    """What is in them, but of empty ones. ``strict``, for else a quote that is left open takes in
    all that follows, and nobody is told."""
    lines = csv.reader(_texts(file), strict=True)
    begins = 1
    try:
        for line in lines:
            begins = lines.line_num + 1
            if line:
                yield line
    except csv.Error as error:
        raise DbError(f"The CSV can't be read from line {begins} on: {error}.", CSV_HINT) from error
    except UnicodeDecodeError as error:
        raise DbError(
            f"The CSV is not all {error.encoding}, at line {begins} or soon after it.",
            'Save it as UTF-8, or open it as what it is: open(name, encoding="latin-1").',
        ) from error


CSV_HINT: Final = (
    'Close each quote, and write "" for one inside; what is longer than 131,072 letters wants '
    "csv.field_size_limit(1 << 30) first."
)


def _texts(file: Any) -> Iterator[str]:
    """Its lines, without the mark that some programs begin UTF-8 with."""
    lines = iter(file)
    first = next(lines, "")
    if isinstance(first, bytes):
        raise DbError(
            "The CSV is open for bytes.", 'Open it for text: open(name, encoding="utf-8").'
        )
    yield first.removeprefix("\ufeff")
    yield from lines
