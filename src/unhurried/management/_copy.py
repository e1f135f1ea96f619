"""``manage.py unhurried copy books.Book books.csv``: what it is told, and how far it is."""

from __future__ import annotations

import csv
import os
import stat
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO

from django.apps import apps
from django.db import DatabaseError, connections, router
from django.db.models import Model

from unhurried.db import CopyError, CopyResult, DbError, Update, bulk_copy

COLLECT: Final = "Mend it, or load the others: --collect"

LONGEST: Final = 1 << 30  # letters of one field: what PostgreSQL has room for


def add(verbs: Any) -> None:
    verb = verbs.add_parser("copy", help="load a CSV into a model's table, by the fastest road")
    verb.add_argument("model", type=_model, help='a model: "books.Book"')
    verb.add_argument("file", help="a CSV, whose first line names the fields")
    verb.add_argument("--fields", type=_names, help="title,pages: of a CSV without such a line")
    known = verb.add_mutually_exclusive_group()
    known.add_argument("--ignore", action="store_true", help="leave rows that are there already")
    known.add_argument("--update", type=_names, help="title,pages: what rows get that are there")
    verb.add_argument("--unique", type=_names, help="isbn: with --update, what they are known by")
    verb.add_argument("--collect", action="store_true", help="load the others if some rows are bad")
    verb.add_argument("--using", help="alias of the database (default: the router's)")
    verb.add_argument("--json", action="store_true", help="print one JSON document and end")


def load(
    terminal: Any,
    *,
    model: type[Model],
    file: str,
    fields: list[str] | None,
    collect: bool,
    using: str | None,
    **options: Any,
) -> CopyResult:
    """Raises DbError. How far it is, is written to ``terminal``, if it is one."""
    conflict = _conflict(**options)
    alias = using or router.db_for_write(model)
    if alias not in connections:
        raise DbError(f"There is no database {alias!r}.", f"There are: {', '.join(connections)}.")
    with _opened(file) as rows, _long_fields():
        bar = Bar(terminal, rows) if terminal is not None and terminal.isatty() else None
        try:
            done = bulk_copy(
                model,
                rows,
                fields=fields,
                conflict=conflict,
                on_error="collect" if collect else "raise",
                progress=bar,
                using=using,
            )
        except (CopyError, DatabaseError):
            _look(model, alias)
            raise
        finally:
            if bar is not None:
                terminal.write("")
    return done


def document(done: CopyResult) -> dict[str, Any]:
    return {
        "count": done.count,
        "pks": done.pks,
        "road": done.road,
        "seconds": done.seconds,
        "errors": [each.as_dict() for each in done.errors],
    }


def _look(model: type[Model], alias: str) -> None:
    """Raise DbError if it was no row's fault, nor the database's: there is no table."""
    table, connection = model._meta.db_table, connections[alias]
    with connection.cursor() as cursor:
        there = connection.introspection.table_names(cursor, include_views=True)
    if table.casefold() not in map(str.casefold, there) and '"' not in table:  # that has a schema
        raise DbError(
            f"{alias} has no table {table}.", f"manage.py migrate --database {alias}, or --using."
        )


def _conflict(
    *, ignore: bool, update: list[str] | None, unique: list[str] | None, **options: Any
) -> Any:
    if update is not None and unique is not None:
        return Update(update, unique)
    if update is not None or unique is not None:
        raise DbError("--update and --unique go together.", "--update title,pages --unique isbn")
    return "ignore" if ignore else None


class Bar:
    """How much of a file has been read, on a terminal; of a pipe nobody knows how long it is."""

    def __init__(self, terminal: Any, file: TextIO) -> None:
        self.terminal, self.file = terminal, file
        found = os.fstat(file.fileno())
        self.size = found.st_size if stat.S_ISREG(found.st_mode) else None

    def __call__(self, rows: int) -> None:
        if self.size is None:
            self.terminal.write(f"\r{rows:,} rows", ending="")
        else:
            self._draw(rows, self.size)
        self.terminal.flush()

    def _draw(self, rows: int, size: int) -> None:
        read = os.lseek(self.file.fileno(), 0, os.SEEK_CUR)
        share = read / size if size else 1.0
        done = round(30 * share)
        self.terminal.write(f"\r[{'#' * done:30}] {share:4.0%} {rows:,} rows", ending="")


def _model(label: str) -> type[Model]:
    try:
        found: type[Model] = apps.get_model(label)
    except (LookupError, ValueError) as error:
        raise ArgumentTypeError(str(error)) from error
    return found


def _opened(name: str) -> TextIO:
    try:
        return open(name, encoding="utf-8-sig", newline="")
    except OSError as error:
        raise DbError(f"{name}: {error.strerror}.", "Name a CSV that can be read.") from error


@contextmanager
def _long_fields() -> Iterator[None]:
    """A text may be longer than the 131,072 letters that Python's csv takes by itself."""
    before = csv.field_size_limit(LONGEST)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]
