"""Statements against a database that is asked, and runs nothing: names, types, NULLs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from django.db import connections

from .._errors import DbError
from .._kinds import names_wanted
from . import _ask_postgresql, _ask_sqlite
from ._file import Place
from ._fits import null_fits, parameter_fits, result_fits, said_of
from ._rows import HINT, annotations_of, mismatch, missing_keys
from ._statement import Item, Statement
from ._told import Column, NotAskedError, RefusedError, Told

ASKS: Final[dict[str, Callable[[Statement, Any], Told]]] = {
    "postgresql": _ask_postgresql.ask,
    "sqlite": _ask_sqlite.ask,
}
_TAKES_OFF: Final = "coalesce() it, or ask for what IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, the line of the file, and the way out."""

    place: Place
    what: str
    way_out: str


@dataclass(slots=True)
class Checked:
    """One statement, asked of one database.

    ``state``: "ok", "wrong" or "skipped", then ``why``. ``told``: what the database has said.
    """

    statement: Statement
    alias: str
    state: Literal["ok", "wrong", "skipped"] = "ok"
    why: str = ""
    findings: list[Finding] = field(default_factory=list)
    told: Told | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON: ``file line name using state why findings columns parameters``."""
        told = self.told or Told(None, {})
        return {
            **_as_dict(self.statement.place),
            "name": self.statement.name,
            "using": self.alias,
            "state": self.state,
            "why": self.why,
            "findings": [
                {**_as_dict(each.place), "what": each.what, "way_out": each.way_out}
                for each in self.findings
            ],
            "columns": None if told.columns is None else [_column(each) for each in told.columns],
            "parameters": {name: each.name for name, each in told.parameters.items()},
        }


def _as_dict(place: Place) -> dict[str, Any]:
    file, _, line = str(place).rpartition(":")
    return {"file": file, "line": int(line)}


def _column(each: Column) -> dict[str, Any]:
    type_name = None if each.type is None else each.type.name
    return {"name": each.name, "type": type_name, "nullable": each.nullable}


def check(statement: Statement, alias: str) -> Checked:
    """Asks the database of ``alias``. Raises what its driver raises if it can't be reached."""
    checked = Checked(statement, alias)
    connection = connections[alias]
    ask = ASKS.get(connection.vendor)
    try:
        statement.check_quotes(connection)
        item = statement.item
        if ask is None:
            raise NotAskedError(f"{connection.vendor} is not asked")
        checked.told = ask(statement, connection)
        checked.findings += _findings(statement, item, checked.told)
    except NotAskedError as error:
        checked.state, checked.why = "skipped", str(error)
    except RefusedError as error:
        line = statement.place.line if error.lines is None else statement.sql_line + error.lines
        place = Place(statement.place.file, line)
        checked.findings.append(
            Finding(place, f"{connection.vendor} refuses it: {error}.", "Mend the SQL.")
        )
    except DbError as error:
        what = error.message.removeprefix(f"{statement.place}: ")
        checked.findings.append(Finding(statement.place, what, error.hint))
    if checked.findings:
        checked.state = "wrong"
    return checked


def _findings(statement: Statement, item: Item | None, told: Told) -> Iterator[Finding]:
    found = [*_of_parameters(statement, told), *_of_result(statement, item, told)]
    yield from (Finding(statement.place, what, way_out) for what, way_out in found)


def _of_parameters(statement: Statement, told: Told) -> Iterator[tuple[str, str]]:
    for each in statement.head.parameters:
        taken = told.parameters.get(each.name)
        if taken and not parameter_fits(statement.meaning(each.annotation), taken):
            yield (
                f":{each.name} is {each.annotation}, and stands where {taken.name} is wanted.",
                f"Say {each.name}: {' | '.join(said_of(taken))}, or cast it.",
            )


def _of_result(statement: Statement, item: Item | None, told: Told) -> Iterator[tuple[str, str]]:
    if item is None or told.columns is None:
        return
    if not told.columns:
        yield "it gives no rows.", "Say -> rowcount."
    elif item.kind == "value":
        yield from _of_column(told.columns[0], item.type, str(statement.head.item))
    elif item.kind == "model":
        yield from _of_model(item.type, [each.name for each in told.columns])
    else:
        yield from _of_row(statement, item.type, told.columns)


def _of_model(model: Any, names: list[str]) -> Iterator[tuple[str, str]]:
    for name in missing_keys(model, names):
        yield f"there is no {name}, by which {model.__name__} is known.", "Select it, too."
    if twice := next((name for name in names if names.count(name) > 1), None):
        yield f"two columns are called {twice}.", HINT
    known = {each.column for each in model._meta.concrete_fields}
    for name in names:
        if name not in known:
            yield (
                f"{name} is no column of {model.__name__}: an attribute that its class does not "
                "name.",
                "Rename it, or give rows of a class that has it.",
            )


def _of_row(statement: Statement, kind: type, columns: list[Column]) -> Iterator[tuple[str, str]]:
    wrong = mismatch(kind, names_wanted(kind), [each.name for each in columns])
    if wrong is not None:
        yield wrong, HINT
    annotations = annotations_of(statement.place, kind)
    for each in columns:
        if each.name in annotations:
            said = f"{kind.__name__}.{each.name}"
            yield from _of_column(each, annotations[each.name], said)


def _of_column(column: Column, annotation: Any, said: str) -> Iterator[tuple[str, str]]:
    if column.type is not None and not result_fits(annotation, column.type):
        yield (
            f"the column {column.name} is {column.type.name}, and {said} is {_name(annotation)}.",
            f"Say {' | '.join(said_of(column.type))}, or cast it.",
        )
    if not null_fits(annotation, column.nullable):
        yield (
            f"the column {column.name} may be NULL, and {said} is {_name(annotation)}.",
            f"Say {_name(annotation)} | None, {_TAKES_OFF}.",
        )


def _name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
