"""Statements that belong together: the same SQL from the same line, by the same way."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, Final

from .._sql._reads import is_read
from ._frames import Walk
from ._origin import Origin, origin_of
from ._plain import digest
from ._relations import Relation, by_key, relation, row
from ._sites import Site

KEPT: Final = 1_000  # distinct instances and parameters told apart in a group


class Read:
    """What one statement reads: a relation of an instance, or what its foreign key points to."""

    __slots__ = ("alias", "declared", "keyed", "origin", "relation", "row")

    def __init__(self, found: Walk) -> None:
        self.relation: Relation | None = None
        self.declared: Site | None = (
            None  # the class it is read for, where no line is the project's
        )
        self.keyed: str | None = None  # the foreign key whose value was asked for
        self.origin: Origin | None = None
        self.row: tuple[object, ...] | None = None  # of the instance it was read for
        self.alias: str | None = None  # the database that instance came from
        if found.lookup is not None:
            return
        self.relation = relation(found)
        if self.relation is not None:
            self.origin = origin_of(self.relation.instance)
            self.row = self.relation.row
            self.alias = _database(self.relation.instance)
        elif found.verb is None and (held := by_key(found)) is not None:
            self.origin, self.keyed = origin_of(held[0]), held[1]
            self.row, self.alias = row(held[0]), _database(held[0])


def _database(instance: Any) -> str | None:
    return None if instance is None else instance._state.db


class Group:
    """What is known of one line's repetitions of one statement."""

    __slots__ = (
        *("again", "alias", "anchors", "count", "fetch", "fingerprint", "instances", "loop"),
        *("many", "method", "model", "ns", "offsets", "parameters", "parts", "prefetch", "read"),
        *("recursive", "rows", "sql", "texts", "through", "unit", "verb", "ways"),
    )

    def __init__(
        self, alias: str, sql: str, fingerprint: str, found: Walk, read: Read, unit: object
    ) -> None:
        self.alias = alias
        self.sql = sql
        self.fingerprint = fingerprint
        sites = [place.site() for place in found.places]
        self.loop: Site | None = sites[0] if sites else _asked_for(read)
        self.through = tuple(sites[1:])
        self.anchors = [place.anchor() for place in found.places]  # so that ids stay theirs
        self.verb, self.method = found.verb, public(found.method)
        self.model = getattr(found.queryset, "model", None)
        self.prefetch = found.lookup is not None
        self.count = self.ns = self.fetch = self.rows = 0
        self.parameters: set[int] = set()
        self.texts: set[int] = set()
        self.offsets: set[str] = set()  # of slices of one row
        self.instances: set[tuple[object, ...]] = set()
        self.ways: set[int] = set()  # from the line through library code
        self.again = False  # one of them was gone twice: a loop, not one call that asks two things
        self.read = read
        self.unit = unit
        self.many = False
        self.recursive = False  # a tree: how deep it goes is not in the code
        self.parts = [self]

    def add(self, read: Read, sql: str, statement: Any, inside: int) -> None:
        """One more execution, by the way ``inside`` library code."""
        self.count += 1
        self.again |= inside in self.ways
        if len(self.ways) < KEPT:
            self.ways.add(inside)
        self.ns += statement.took
        self.rows += _rows(statement)
        self.many |= statement.many
        if len(self.parameters) < KEPT:
            self.parameters.add(digest(statement.params))
            text, slice_of_one = _without_slice(sql)
            self.texts.add(hash(text))
            if slice_of_one:
                self.offsets.add(slice_of_one)
        if read.row is not None and len(self.instances) < KEPT:
            self.instances.add(read.row)

    def alone(self) -> Group:
        """A copy that others may be added to."""
        twin = copy(self)
        twin.parameters, twin.texts = set(self.parameters), set(self.texts)
        twin.instances, twin.offsets = set(self.instances), set(self.offsets)
        twin.ways = set(self.ways)
        twin.parts = [self]
        return twin

    def absorb(self, other: Group) -> None:
        """Add what the same line did on another way."""
        for name in ("count", "ns", "fetch", "rows"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.again |= other.again or not self.ways.isdisjoint(other.ways)
        for name in ("parameters", "texts", "instances", "offsets", "ways"):
            getattr(self, name).update(getattr(other, name))
        self.many |= other.many
        self.parts += other.parts

    @property
    def reads(self) -> bool:
        return is_read(self.sql)


def _asked_for(read: Read) -> Site | None:
    """Where library code goes through rows by itself, as generic views do: the class it does so
    for, else the line that made them."""
    if read.declared is not None or read.relation is None or read.origin is None:
        return read.declared
    return read.origin.resolved()[0].site


def _rows(statement: Any) -> int:
    """Rows sent by executemany, else those the driver counted; SQLite doesn't for SELECT."""
    if statement.many and isinstance(statement.params, Sequence):
        return len(statement.params)
    count = getattr(statement.cursor, "rowcount", -1)
    return max(count if isinstance(count, int) else 0, 0)


def public(method: str | None) -> str | None:
    """``aget`` and ``get`` are one; ``_fetch_all`` and the like are plain iteration."""
    if method is None or method.startswith("_"):
        return None
    return method[1:] if method[:1] == "a" and method[1:] in _ASYNC else method


_ASYNC: Final = ("get", "count", "exists", "aggregate", "first", "last", "contains", "earliest")


def _without_slice(sql: str) -> tuple[str, str]:
    """Pages differ in LIMIT and OFFSET, which Django writes into the text; and that of one row."""
    head, limit, tail = sql.rpartition(" LIMIT ")
    if not limit or not tail.replace(" OFFSET ", "").isdigit():
        return sql, ""
    return head, tail if tail.partition(" ")[0] == "1" else ""
