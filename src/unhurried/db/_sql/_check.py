"""Whether statements fit: the database, their row classes, their parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db import Error, connections
from django.db.models import Model

from .._errors import DbError
from .._kinds import names_wanted
from ._file import Statement
from ._manager import Query, SQLManager, differences
from ._prepared import Column, Described, described
from ._types import parameter_type
from ._values import hints_of, without_none

#: What a parameter may be given besides its own type.
GIVEN: Final[dict[str, tuple[str, ...]]] = {
    "int": ("float", "Decimal"),
    "float": ("Decimal",),
    "Decimal": ("float",),
    "str": ("UUID", "dict"),
    "datetime": ("date",),
    "date": ("datetime",),
    "list": ("dict",),
    "dict": ("list",),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not fit, where, and the way out."""

    where: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Checked:
    """One statement."""

    where: str
    name: str
    findings: list[Finding]


def managers(labels: Iterable[str] = ()) -> list[SQLManager]:
    """Those on installed models, one of each class."""
    models: list[type[Model]] = [apps.get_model(label) for label in labels]
    found: dict[type, SQLManager] = {}
    for model in models or apps.get_models():
        for manager in model._meta.managers:
            if isinstance(manager, SQLManager):
                found.setdefault(type(manager), manager)
    return list(found.values())


def check(manager: SQLManager, alias: str | None = None) -> Iterator[Checked]:
    """Each of its statements; none is run."""
    connection: Any = connections[alias or manager.db]
    for query in _queries(type(manager)):
        statement = query.statement
        yield Checked(statement.where, statement.name, list(_findings(query, connection)))


def _queries(cls: type[SQLManager]) -> list[Query]:
    """In the order of their files."""
    found = [(name, getattr(getattr(cls, name), "query", None)) for name in dir(cls)]
    own = [q for name, q in found if isinstance(q, Query) and q.statement.name == name]
    return sorted(own, key=lambda query: (query.statement.file, query.statement.line))


def _findings(query: Query, connection: Any) -> Iterator[Finding]:
    statement = query.statement
    try:
        kinds = {name: parameter_type(name, query.names)[0] for name in statement.annotations}
        result = query.result
    except DbError as error:
        yield Finding(
            statement.where, error.message.removeprefix(f"{statement.where}: "), error.hint
        )
        return
    if connection.vendor == "postgresql" and connection.Database.__name__ == "psycopg":
        told = described(statement, connection, kinds)
    else:
        told = _named(statement, connection)
    if told.error:
        line = statement.line if told.position is None else statement.line_of(told.position)
        yield Finding(f"{statement.file}:{line}", told.error, "Mend the SQL.")
        return
    yield from _parameters(statement, told, kinds)
    if result.shape != "rowcount":
        yield from _columns(query, told.columns)


def _named(statement: Statement, connection: Any) -> Described:
    """On other databases: whether it can be explained, and the names of its columns."""
    nothing = dict.fromkeys(statement.signature.parameters)
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {statement.sql}", nothing)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM ({statement.sql}\n) AS s LIMIT 0", nothing)
            columns = [Column(each[0], None, None, "") for each in cursor.description]
    except Error as error:
        is_read = statement.text.lstrip().upper().startswith(("SELECT", "WITH", "VALUES"))
        return Described(error=str(error)) if is_read else Described()
    return Described(columns=columns)


def _parameters(statement: Statement, told: Described, kinds: dict[str, Any]) -> Iterator[Finding]:
    for name, (kind, database) in told.parameters.items():
        said = kinds[name]
        if kind is None or said is object or said is kind:
            continue
        if kind.__name__ not in GIVEN.get(said.__name__, ()):
            yield Finding(
                statement.where,
                f"{name} is {database} in the SQL, and {said.__name__} in the header.",
                f"Write {name}: {kind.__name__}, or cast it in the SQL.",
            )


def _columns(query: Query, columns: list[Column]) -> Iterator[Finding]:
    statement, result = query.statement, query.result
    if not columns and result.shape == "list":
        return
    if result.is_model:
        yield from _of_model(statement, columns, result.item)
    elif result.is_row:
        yield from _of_row(statement, columns, result.item)
    elif len(columns) != 1:
        said = ", ".join(column.name for column in columns) or "none"
        yield Finding(
            statement.where,
            f"it gives {len(columns)} columns ({said}), and the header says one value.",
            "Select one, or name a row class in the header.",
        )
    else:
        yield from _of_type(statement, columns[0], result.item, nullable=result.nullable)


def _of_model(statement: Statement, columns: list[Column], model: Any) -> Iterator[Finding]:
    key = model._meta.pk.column
    if key not in [column.name for column in columns]:
        yield Finding(
            statement.where,
            f"it has no column {key!r}, the primary key of {model.__name__}.",
            "Select it too, or name a row class in the header.",
        )


def _of_row(statement: Statement, columns: list[Column], row: type) -> Iterator[Finding]:
    try:
        differences(statement, [column.name for column in columns], row)
    except DbError as error:
        yield Finding(
            statement.where, error.message.removeprefix(f"{statement.where}: "), error.hint
        )
        return
    hints = hints_of(row)
    for column in columns:
        if column.name in hints and column.name in names_wanted(row):
            kind, nullable = without_none(hints[column.name])
            yield from _of_type(statement, column, kind, nullable=nullable)


def _of_type(
    statement: Statement, column: Column, said: Any, *, nullable: bool
) -> Iterator[Finding]:
    if not _fits(column.kind, said):
        assert column.kind is not None
        yield Finding(
            statement.where,
            f"{column.name} is {column.database}, which is {column.kind.__name__}, "
            f"and {said.__name__} in the header.",
            f"Say {column.kind.__name__}, or cast it in the SQL.",
        )
    if column.nullable and not nullable and said is not object:
        yield Finding(
            statement.where,
            f"{column.name} may be NULL, and its type says it is not.",
            f"Say {said.__name__} | None, or COALESCE it.",
        )


def _fits(kind: type | None, said: Any) -> bool:
    if kind is None or said in (object, kind) or not isinstance(said, type):
        return True
    if {said, kind} <= {dict, list}:
        return True
    if said is int:
        return kind.__name__ == "Decimal"  # sums of bigint, which are made whole on the way
    return said is not bool and issubclass(said, kind)
