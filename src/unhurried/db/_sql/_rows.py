"""Rows of a cursor as what a method gives: instances of a class, model instances, single values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, Final

from django.db.models import Model

from .._kept import kept_on
from .._kinds import caller, names_wanted
from ._file import Place
from ._statement import Statement
from ._types import hints_of
from ._values import Convert, from_database

Row = Sequence[Any]
Make = Callable[[Iterable[Row]], list[Any]]
_BAD: Final = (ValueError, TypeError, ArithmeticError, AttributeError)


class Columns:
    """The columns of one result: their names as Django has them, and the driver's types."""

    def __init__(self, description: Any, connection: Any) -> None:
        convert = connection.introspection.identifier_converter
        self.names = [convert(column[0]) for column in description]
        self.type_codes = [column[1] for column in description]
        self.connection = connection


class Maker:
    """For one statement: what makes its items, once for each connection and set of columns."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement

    def of(self, description: Any, connection: Any) -> Make:
        """Raises DbError where the columns are not those that the method's type has."""
        known: dict[Any, Make] = kept_on(connection).setdefault(self, {})
        key = tuple((column[0], column[1]) for column in description or ())
        make = known.get(key)
        if make is None:
            make = known[key] = self._made(description, connection)
        return make

    def _made(self, description: Any, connection: Any) -> Make:
        statement, item = self.statement, self.statement.item
        assert item is not None
        if description is None:
            raise statement.place.wrong(f"{statement.name} gives no rows.", "Say -> rowcount.")
        columns = Columns(description, connection)
        if item.kind == "value":
            return _values(statement.place, item.type, columns)
        make = _instances if item.kind == "model" else _rows
        return make(statement, item.type, columns)


def _values(place: Place, annotation: Any, columns: Columns) -> Make:
    """The first column's."""
    convert = from_database(annotation, columns.connection, columns.type_codes[0])
    if convert is None:
        return lambda rows: [row[0] for row in rows]
    return _told(place, columns.names, [convert], lambda rows: [convert(row[0]) for row in rows])


def _rows(statement: Statement, kind: type, columns: Columns) -> Make:
    wanted = names_wanted(kind)
    complain(statement, kind, wanted, columns.names)
    places = [columns.names.index(name) for name in wanted]
    hints = annotations_of(statement.place, kind)
    converts = [
        from_database(hints[name], columns.connection, columns.type_codes[place])
        for name, place in zip(wanted, places, strict=True)
    ]
    call, pick = caller(kind), _picker(places, len(columns.names))
    if not any(converts):
        return lambda rows: [call(*pick(row)) for row in rows]
    by_column: list[Convert | None] = [None] * len(columns.names)
    for place, convert in zip(places, converts, strict=True):
        by_column[place] = convert
    converted = _converter(by_column)
    return _told(
        statement.place,
        columns.names,
        by_column,
        lambda rows: [call(*pick(converted(row))) for row in rows],
    )


def complain(statement: Statement, kind: type, wanted: Sequence[str], names: list[str]) -> None:
    """DbError where the columns are not the fields of ``kind``, in whatever order."""
    wrong = mismatch(kind, wanted, names)
    if wrong is not None:
        raise statement.place.wrong(f"{statement.name}: {wrong}", HINT)


HINT: Final = "Columns are matched by name: SELECT … AS name."


def mismatch(kind: type, wanted: Sequence[str], names: list[str]) -> str | None:
    twice = [name for name in names if names.count(name) > 1]
    missing = [name for name in wanted if name not in names]
    surplus = [name for name in names if name not in wanted]
    if twice:
        return f"two columns are called {twice[0]}."
    if not missing and not surplus:
        return None
    parts = [f"there is no column for {', '.join(missing)}"] if missing else []
    parts += [f"{kind.__name__} has no field for {', '.join(surplus)}"] if surplus else []
    both = f"columns: {', '.join(names)}; fields: {', '.join(wanted)}"
    return f"{' and '.join(parts)} ({both})."


def annotations_of(place: Place, kind: type) -> dict[str, Any]:
    """Any, where a field has none."""
    try:
        found = hints_of(kind)
    except NameError as error:
        raise place.wrong(
            f"the types of {kind.__name__} can't be read: {error}.",
            "Import what they name, not for type checkers alone.",
        ) from error
    return {name: found.get(name, Any) for name in names_wanted(kind)}


def _picker(places: list[int], width: int) -> Callable[[Row], Row]:
    if places == list(range(width)):
        return lambda row: row
    if len(places) == 1:
        return lambda row: (row[places[0]],)
    return itemgetter(*places)


def _converter(converts: list[Convert | None]) -> Callable[[Row], list[Any]]:
    which = [(place, convert) for place, convert in enumerate(converts) if convert is not None]

    def converted(row: Row) -> list[Any]:
        values = list(row)
        for place, convert in which:
            values[place] = convert(values[place])
        return values

    return converted


def _told(place: Place, names: list[str], converts: Sequence[Convert | None], make: Make) -> Make:
    """``make``; what can't be converted is named by its column."""

    def told(rows: Iterable[Row]) -> list[Any]:
        kept = list(rows)
        try:
            return make(kept)
        except _BAD as error:
            for row in kept:
                for name, convert, value in zip(names, converts, row, strict=False):
                    _try(place, name, convert, value)
            raise error

    return told


def _try(place: Place, name: str, convert: Convert | None, value: Any) -> None:
    if convert is None:
        return
    try:
        convert(value)
    except _BAD as error:
        raise place.wrong(
            f"the column {name} has {value!r:.80}: {error}.", "Its type is another."
        ) from error


def _instances(statement: Statement, model: type[Model], columns: Columns) -> Make:
    """As ``Manager.raw()`` makes them: what has no column is deferred, others are attributes."""
    missing = missing_keys(model, columns.names)
    if missing:
        raise statement.place.wrong(
            f"{statement.name} gives no {missing[0]}, by which {model.__name__} is known.",
            "Select the primary key, too.",
        )
    fields = {field.column: field for field in model._meta.concrete_fields}
    places: dict[str, int] = {}
    for place, name in enumerate(columns.names):
        places.setdefault(name, place)  # of two with one name, the first
    given = [(f.attname, places[f.column]) for f in fields.values() if f.column in places]
    others = [(name, place) for name, place in places.items() if name not in fields]
    converted = _converter([_of(fields.get(name), columns.connection) for name in columns.names])
    names, pick = [name for name, _ in given], [place for _, place in given]
    alias = columns.connection.alias

    def make(row: Row) -> Model:
        values = converted(row)
        instance = model.from_db(alias, names, [values[place] for place in pick])
        for name, place in others:
            setattr(instance, name, values[place])
        return instance

    return lambda rows: [make(row) for row in rows]


def missing_keys(model: type[Model], names: list[str]) -> list[str]:
    meta: Any = model._meta
    return [field.column for field in meta.pk_fields if field.column not in names]


def _of(field: Any, connection: Any) -> Convert | None:
    """The backend's converters and the field's, as for a column of the table."""
    if field is None:
        return None
    expression = field.get_col(field.model._meta.db_table)
    converters = [
        *connection.ops.get_db_converters(expression),
        *expression.get_db_converters(connection),
    ]
    if not converters:
        return None

    def convert(value: Any) -> Any:
        for each in converters:
            value = each(value, expression, connection)
        return value

    return convert
