"""A call of a statement: its arguments bound, run by Django's cursor, its rows made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist
from django.db import connections

from ._rows import Maker
from ._statement import Statement
from ._values import to_database

PART: Final = 1000  # rows fetched at a time by an iterator


class Run:
    """What a method of a manager does when it is called."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self._maker = Maker(statement)
        self._run = getattr(self, f"_{statement.head.shape}")

    def __call__(self, alias: str, manager: Any, arguments: dict[str, Any]) -> Any:
        """``arguments``: each parameter's value, by name. Raises DbError."""
        connection = connections[alias]
        self.statement.check_quotes(connection)
        self.statement.check_types()  # before anything is run
        values = {name: to_database(value, connection) for name, value in arguments.items()}
        return self._run(connection, values or None, manager)

    def _rowcount(self, connection: Any, values: Any, manager: Any) -> int:
        with connection.cursor() as cursor:
            cursor.execute(self.statement.for_cursor, values)
            if cursor.description is not None:
                cursor.fetchall()  # SQLite counts what RETURNING has given
            return max(0, int(cursor.rowcount))

    def _list(self, connection: Any, values: Any, manager: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(self.statement.for_cursor, values)
            make = self._maker.of(cursor.description, connection)
            return make(cursor.fetchall())

    def _one(self, connection: Any, values: Any, manager: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(self.statement.for_cursor, values)
            make = self._maker.of(cursor.description, connection)
            found = cursor.fetchmany(2)
        return self._the_one(make(found), manager)

    def _the_one(self, found: list[Any], manager: Any) -> Any:
        item, owner = self.statement.item, manager.model
        assert item is not None
        if len(found) > 1:
            many = owner.MultipleObjectsReturned if owner else MultipleObjectsReturned
            raise many(f"{self._said} gives more than one row.")
        if not found and not item.meant.is_optional:
            none = owner.DoesNotExist if owner else ObjectDoesNotExist
            raise none(f"{self._said} finds no row.")
        value = found[0] if found else None
        if value is None and not item.meant.is_optional:
            said = self.statement.head.item
            raise self.statement.place.wrong(
                f"{self.statement.name} gives NULL, and is to give {said}.",
                f"Say {said} | None, or coalesce() it.",
            )
        return value

    @property
    def _said(self) -> str:
        return f"{self.statement.name} ({self.statement.place})"

    def _iterator(self, connection: Any, values: Any, manager: Any) -> Iterator[Any]:
        """A cursor of the server's where there are any: nothing is kept here but a part."""
        connection = connections[connection.alias]  # of the thread that reads
        with self._cursor(connection) as cursor:
            cursor.execute(self.statement.for_cursor, values)
            while found := cursor.fetchmany(PART):
                yield from self._maker.of(cursor.description, connection)(found)
            self._maker.of(cursor.description, connection)

    def _cursor(self, connection: Any) -> Any:
        refused = connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")
        if refused or self.statement.writes:
            return connection.cursor()
        return connection.chunked_cursor()
