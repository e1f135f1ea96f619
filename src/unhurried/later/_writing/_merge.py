"""Many deferred writes of one lane as few: what is asked for in their order, row by row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

#: (field, "set" or "add", value) of each field, sorted: rows that share it are one statement.
Change = tuple[tuple[str, str, Any], ...]


@dataclass(slots=True)
class Step:
    """What is done at once. Values and keys are as JSON told them."""

    kind: str  # "update", "delete", "create", "sql"
    pks: list[Any] = field(default_factory=list)
    change: Change = ()
    rows: list[dict[str, Any]] = field(default_factory=list)  # "create": fields; "sql": bodies


class Merged:
    """The sum of deferred writes: sets overwrite, deltas add up, a delete ends it."""

    def __init__(self) -> None:
        self._changes: dict[Any, dict[str, tuple[str, Any]]] = {}
        self._gone: dict[Any, None] = {}
        self._new: list[dict[str, Any]] = []
        self._done: list[Step] = []

    def add(self, kind: str, body: dict[str, Any]) -> None:
        getattr(self, f"_{kind}")(body)

    def steps(self) -> list[Step]:
        self._settle()
        return self._done

    def _update(self, body: dict[str, Any]) -> None:
        if self._gone and any(pk not in self._gone for pk in body["pk"]):
            self._settle()  # a deletion may take others along
        for pk in body["pk"]:
            if pk in self._gone:
                continue
            change = self._changes.setdefault(pk, {})
            for name, value in body.get("set", {}).items():
                change[name] = ("set", value)
            for name, value in body.get("add", {}).items():
                change[name] = _sum(change.get(name), value)

    def _delete(self, body: dict[str, Any]) -> None:
        for pk in body["pk"]:
            self._changes.pop(pk, None)
            self._gone[pk] = None

    def _create(self, body: dict[str, Any]) -> None:
        if body.get("keyed"):  # it may be one that was written to, or deleted, before
            self._settle()
        self._new.append(body["fields"])

    def _sql(self, body: dict[str, Any]) -> None:
        self._settle()
        self._done.append(Step("sql", rows=[body]))

    def _settle(self) -> None:
        """All so far comes before all that follows."""
        if self._new:
            self._done.append(Step("create", rows=self._new))
        groups: dict[Any, Step] = {}
        for pk, fields in self._changes.items():
            change = tuple((name, *fields[name]) for name in sorted(fields))
            key = tuple((name, how, type(value), repr(value)) for name, how, value in change)
            groups.setdefault(key, Step("update", change=change)).pks.append(pk)
        self._done.extend(groups.values())
        if self._gone:
            self._done.append(Step("delete", pks=list(self._gone)))
        self._changes, self._gone, self._new = {}, {}, []


def _sum(before: tuple[str, Any] | None, delta: Any) -> tuple[str, Any]:
    """A delta after a set is part of it; after another delta, their sum."""
    if before is None:
        return ("add", delta)
    how, value = before
    if how == "set" and value is None:
        return before  # NULL + n is NULL
    return (how, plus(value, delta))


def plus(value: Any, delta: Any) -> Any:
    """Decimals are told as text, and stay exact."""
    if isinstance(value, str) or isinstance(delta, str):
        return str(Decimal(value) + Decimal(delta))
    return value + delta


def merged(bodies: Iterable[tuple[str, dict[str, Any]]]) -> list[Step]:
    """The steps that do all of it: (kind, body) of each, oldest first."""
    sum_of = Merged()
    for kind, body in bodies:
        sum_of.add(kind, body)
    return sum_of.steps()
