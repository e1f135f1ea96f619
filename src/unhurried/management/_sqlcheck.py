"""``manage.py unhurried sqlcheck books``: statements of ``.sql`` files, asked of their database."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import DatabaseError, connections
from django.db.models import Manager, Model

from unhurried.db import DbError, SQLManager
from unhurried.db._sql._check import Checked, check
from unhurried.db._sql._manager import statements_of

NOTHING = "No model has an SQLManager: class BookManager(SQLManager): sql = …"


def add(verbs: Any) -> None:
    verb = verbs.add_parser("sqlcheck", help="statements of .sql files, asked of their database")
    verb.add_argument(
        *("models",),
        nargs="*",
        type=_models,
        metavar="MODEL",
        help='a model, "books.Book", or an app (default: all)',
    )
    verb.add_argument("--using", help="alias of the database (default: the router's)")
    verb.add_argument("--json", action="store_true", help="print one JSON document and end")


def checked(models: list[list[type[Model]]], using: str | None) -> Iterator[Checked]:
    """Raises DbError where the database can't be asked."""
    if using is not None and using not in connections:
        raise DbError(f"There is no database {using!r}.", f"There are: {', '.join(connections)}.")
    chosen = [model for each in models for model in each] or apps.get_models()
    done = set()
    for manager in _managers(chosen):
        for statement in statements_of(type(manager)):
            alias = using or manager.sql_alias(statement)
            if (statement, alias) not in done:
                done.add((statement, alias))
                yield _check(statement, alias)


def lines(each: Checked) -> Iterator[str]:
    """For people: a line, and two for each finding."""
    state = {"ok": "ok", "skipped": f"not checked: {each.why}"}.get(each.state, "wrong")
    yield f"{each.statement.place}  {each.statement.name}  {state}"
    for found in each.findings:
        yield f"    {found.place}: {found.what}"
        yield f"        {found.way_out}"


def _check(statement: Any, alias: str) -> Checked:
    try:
        return check(statement, alias)
    except DatabaseError as error:
        raise DbError(f"{alias} can't be asked: {error}", "Is it there, and migrated?") from error


def _managers(models: Any) -> Iterator[SQLManager[Any]]:
    managers: list[Manager[Any]] = [each for model in models for each in model._meta.managers]
    yield from (each for each in managers if isinstance(each, SQLManager))


def _models(label: str) -> list[type[Model]]:
    try:
        found = [apps.get_model(label)] if "." in label else apps.get_app_config(label).get_models()
        return list(found)
    except (LookupError, ValueError) as error:
        raise ArgumentTypeError(f"{label}: {error}") from error
