"""What the database does beyond the text: views, triggers, foreign keys, inheritance, functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from unhurried.conf import settings

from . import _of_postgresql, _of_sqlite
from ._functions import KNOWN_TO_SQLITE
from ._tables import EVERYTHING
from ._words import folded


@dataclass(slots=True)
class Catalogue:
    """Of one database. Closures: table -> what is read, written with it; ``*`` is everything."""

    reads: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    writes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    #: Functions by what they may do: "" nothing we mind, "reads", "writes"; others: both.
    functions: dict[str, str] = field(default_factory=dict)
    #: Schemas whose tables go by their names alone.
    path: tuple[str, ...] = ()
    #: Tables whose triggers nobody understands; declare them in TRIGGERS.
    opaque: tuple[str, ...] = ()
    unknown: bool = False
    #: What a room above has made of it, as long as it is good.
    touched: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def read(self, tables: Iterable[str]) -> frozenset[str]:
        """The tables, and whatever a view or a child of them reads."""
        return self._closed(tables, self.reads)

    def written(self, tables: Iterable[str]) -> frozenset[str]:
        """The tables, and whatever is written with them; ``*`` among them: everything."""
        found = self._closed(tables, self.writes)
        return found | {EVERYTHING} if self.unknown else found

    def called(self, calls: Iterable[str]) -> tuple[bool, bool]:
        """(may read anything, may write anything) of a statement's functions."""
        kinds = {self.functions.get(name, "writes") for name in calls}
        if self.unknown and calls:
            return True, True
        return bool(kinds & {"reads", "writes"}), "writes" in kinds

    def name(self, table: str) -> str:
        """As the tags have it: without a schema that needs no saying.

        With tenants none says it: the path is of whoever is served, not of who reads the catalogue.
        """
        schema, dot, rest = table.rpartition(".")
        return rest if dot and (schema in self.path or settings.TENANT) else table

    def _closed(self, tables: Iterable[str], steps: Mapping[str, set[str]]) -> frozenset[str]:
        found: set[str] = set()
        left = [*tables]
        while left:
            table = self.name(left.pop())  # triggers' bodies and TRIGGERS may say the schema
            if table not in found:
                found.add(table)
                left.extend(steps.get(table, ()))
        return frozenset(found)

    def declared(self, vendor: str) -> None:
        """What TRIGGERS says stands in the place of what could not be understood."""
        given = settings.TRIGGERS.items()
        said = {self.name(folded(table, vendor)): written for table, written in given}
        for table, written in said.items():
            self.writes[table].discard(EVERYTHING)
            self.writes[table] |= {folded(each, vendor) for each in written}
        self.opaque = tuple(table for table in self.opaque if table not in said)


def unknown_catalogue() -> Catalogue:
    """Nobody knows: each write is a write of everything."""
    return Catalogue(unknown=True)


def read_catalogue(connection: BaseDatabaseWrapper) -> Catalogue:
    """Of a connection's database; raises what the database raises."""
    if connection.vendor == "sqlite":
        found = sqlite(connection)
    elif connection.vendor == "postgresql":
        found = postgresql(connection)
    else:
        return unknown_catalogue()
    found.declared(connection.vendor)
    return found


def sqlite(connection: BaseDatabaseWrapper) -> Catalogue:
    """From sqlite_master, by the driver: no statement of the page's.

    Over a connection of its own, too: a read inside the page's transaction takes its snapshot, and
    a write after it fails at once where it would have waited for another writer. A database in
    memory has no other connection.
    """
    found = Catalogue(path=("main", "temp"), functions=dict(KNOWN_TO_SQLITE))
    in_memory: bool = connection.is_in_memory_db()  # type: ignore[attr-defined]
    asked = connection
    if not in_memory:
        asked = connection.copy()
        asked.unhurried_private = True  # type: ignore[attr-defined]
    try:
        asked.ensure_connection()
        driver: Any = asked.connection
        with connection.wrap_database_errors:
            if not in_memory:
                driver.execute("PRAGMA busy_timeout = 100")  # the page may hold the lock itself
            _of_sqlite.fill(found, lambda sql: driver.execute(sql).fetchall())
    finally:
        if not in_memory:
            asked.close()
    return found


def postgresql(connection: BaseDatabaseWrapper) -> Catalogue:
    """By a connection of its own: the page's may be in a transaction that has failed."""
    own = connection.copy()
    own.unhurried_private = True  # type: ignore[attr-defined]
    try:
        own.ensure_connection()
        own.execute_wrappers.clear()  # what we ask is no query of the page's
        with own.cursor() as cursor:

            def ask(sql: str) -> list[tuple[Any, ...]]:
                cursor.execute(sql)
                return list(cursor.fetchall())

            found = Catalogue()
            _of_postgresql.fill(found, ask)
    finally:
        own.close()
    return found
