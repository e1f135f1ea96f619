"""``later(queryset).update(…)``: written down now, applied soon, together with its like."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final, Generic, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections, router
from django.db.models import Exists, Manager, Model, QuerySet
from django.db.models.fields.composite import CompositePrimaryKey

from .. import _putting_off
from .._elsewhere import elsewhere
from .._errors import LaterError
from .._outbox._kinds import WRITES
from .._outbox._tables import aliases, require, waiting
from . import _recent
from ._drain import ROWS, drain_lane
from ._figures import figures
from ._guard import can_compare, changes, is_set
from ._lane import lane_of
from ._new import told_instance
from ._sql import statement
from ._values import told
from ._wanted import Wanted, wanted
from ._written import write

M = TypeVar("M", bound=Model)

PATIENCE: Final = 2.0  # seconds that ``flush_for`` waits for another who is at it


class Deferred(Generic[M]):
    """Writes to one model, or to the rows of one queryset, that are applied soon after the commit.

    Like ``QuerySet.update`` they send no signals and touch no ``auto_now``.
    """

    def __init__(self, target: Any, actor: Any, *, predicate: bool) -> None:
        require()
        self._rows, self._model = _rows_and_model(target)
        concrete: Any = self._model._meta.concrete_model
        if isinstance(concrete._meta.pk, CompositePrimaryKey):
            raise LaterError(
                f"{concrete._meta.label} has a key of several columns, which can't be deferred.",
                "Write to it now, or in a @task.",
            )
        self._label: str = concrete._meta.label
        self._actor, self._predicate = _name_of(actor), predicate
        hints = {} if self._rows is None else self._rows._hints
        named = None if self._rows is None else self._rows._db
        self._alias: str = named or router.db_for_write(self._model, **hints)
        self._lane = lane_of(concrete)

    def update(self, **values: Any) -> int:
        """Let the rows have these values soon: constants, or ``F("n") + 1`` for a number to add.

        The rows are those of the queryset as of now: one query for their keys, or none if it has
        been evaluated; its instances show the new values at once. A row that is right already is
        left alone.

        Returns:
            How many rows may have to be written; with ``predicate=True`` 1.

        Raises:
            LaterError: a value can't be written down, or no row of the model can.
        """
        rows, begun = self._queryset("update"), time.perf_counter()
        what = wanted(self._model, values)
        if self._predicate:
            body = self._statement(rows, what)
            self._noted(what)
            self._write("sql", [body] if body else [], 1, begun)
            return int(body is not None)
        pks = self._keys(rows, what)
        if pks:
            self._noted(what)
        self._write("update", [what.body(some) for some in _parts(pks)], len(pks), begun)
        return len(pks)

    def delete(self) -> int:
        """Let the rows be deleted soon, with what hangs on them, as ``QuerySet.delete`` does."""
        rows, begun = self._queryset("delete"), time.perf_counter()
        if self._predicate:
            raise LaterError("A predicate can't be deleted by.", "Leave predicate=True out.")
        pks = self._keys(rows, Wanted())
        self._write("delete", [{"pk": some} for some in _parts(pks)], len(pks), begun)
        return len(pks)

    def create(self, **fields: Any) -> M:
        """Let there be such a row soon, as ``bulk_create`` makes it, together with others.

        Returns:
            The instance, which has no key yet.

        Raises:
            LaterError: the row can't be written down.
        """
        begun = time.perf_counter()
        made: Any = self._model(**fields)
        self._write("create", [told_instance(made, self._alias)], 1, begun)
        return made  # type: ignore[no-any-return]

    async def aupdate(self, **values: Any) -> int:
        return await sync_to_async(self.update)(**values)

    async def adelete(self) -> int:
        return await sync_to_async(self.delete)()

    async def acreate(self, **fields: Any) -> M:
        return await sync_to_async(self.create)(**fields)

    def _queryset(self, verb: str) -> QuerySet[M]:
        """The rows, whose update() and delete() are Django's own: ours would not be theirs."""
        if self._rows is None:
            name = self._model.__name__
            raise LaterError(
                f"later({name}) creates; there are no rows to {verb}.",
                f"Pass a queryset: later({name}.objects.filter(…)).{verb}(…).",
            )
        rows: QuerySet[M] = self._rows
        if getattr(type(rows), verb) is not getattr(QuerySet, verb):
            raise LaterError(
                f"{type(rows).__name__} has a {verb}() of its own, which would not be called.",
                "Call it now, or in a @task.",
            )
        return rows

    def _keys(self, rows: QuerySet[M], what: Wanted) -> list[Any]:
        """Those whose rows may have to change, as JSON tells them."""
        loaded: Any = rows._result_cache
        if loaded is None:
            return list(dict.fromkeys(map(self._key, self._asked(rows, what))))
        guarded = what.sets and not what.adds and self._can_compare(what)
        guarded = guarded and not any(_recent.may_differ(*each) for each in self._fields(what))
        stale = [row for row in loaded if not (guarded and is_set(row, what.sets))]
        figures(self._lane).suppressed(len(loaded) - len(stale))
        for row in stale:
            what.shown(row)
        return list(dict.fromkeys(self._key(row.pk) for row in stale))

    def _asked(self, rows: QuerySet[M], what: Wanted) -> Any:
        """The keys, from the database that is written to: a replica may be behind.

        While anything waits in the lane, a row that is right now may not be so for long.
        """
        rows = rows.using(self._alias)
        guard = changes(self._alias, what.sets) if what.sets and not what.adds else None
        if guard is not None and _is_simple(rows.query):
            rows = rows.filter(guard if elsewhere(self._alias) else guard | Exists(self._waits()))
        return rows.values_list("pk", flat=True)

    def _waits(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = waiting(self._alias).filter(lane=self._lane, kind__in=WRITES)
        return rows

    def _noted(self, what: Wanted) -> None:
        for field in self._fields(what):
            _recent.note(*field)

    def _fields(self, what: Wanted) -> Iterator[tuple[_recent.Field, Any]]:
        """Each (field, value as told) of what is written."""
        for field, value in what.sets.items():
            yield (self._alias, self._lane, field.name), told(field, value)
        for field in what.adds:
            yield (self._alias, self._lane, field.name), _recent.ADDED

    def _can_compare(self, what: Wanted) -> bool:
        return all(can_compare(self._alias, each) for each in what.sets)

    def _key(self, pk: Any) -> Any:
        return told(self._model._meta.pk, pk)

    def _statement(self, rows: QuerySet[M], what: Wanted) -> dict[str, Any] | None:
        guard = changes(self._alias, what.sets) if what.sets and not what.adds else None
        rows = rows.using(self._alias)
        return statement(
            self._alias, rows if guard is None else rows.filter(guard), what.expressions()
        )

    def _write(self, kind: str, bodies: list[dict[str, Any]], rows: int, begun: float) -> None:
        _putting_off.tell(f"a deferred write to {self._label}")  # the next one may find rows
        where = {"using": self._alias, "lane": self._lane}
        if bodies and write(kind, self._label, bodies, actor=self._actor, **where):
            figures(self._lane).deferred(rows, time.perf_counter() - begun)


class Later:
    """``later(queryset)``, and ``later.flush_for(user)``."""

    def __call__(
        self,
        target: type[M] | QuerySet[M] | Manager[M],
        *,
        actor: Any = None,
        predicate: bool = False,
    ) -> Deferred[M]:
        """Writes that this request need not wait for.

        They are written down in the transaction that is open, and applied soon after its commit,
        once, together with others to the same model; a rollback leaves nothing of them. Where this
        connection is in another schema or role than a new one, they are applied at once.

        Args:
            target: a queryset, whose rows are updated or deleted; or a model, to create.
            actor: whose writes these are (a user, or any name), for ``later.flush_for``.
            predicate: ask for the rows when it is applied, not now: rows that match by then are
                updated, also those that nobody had seen.
        """
        return Deferred(target, actor, predicate=predicate)

    def flush_for(self, actor: Any) -> bool:
        """Apply what this user's requests have deferred, before it is read again: one query if
        there is nothing.

        Returns:
            False if something is left, since another is at it for too long, or it can't be done.
        """
        name = _name_of(actor)
        if not name:
            raise ValueError("flush_for() wants the user, or the name, that was given as actor=.")
        deadline = time.monotonic() + PATIENCE
        here = [alias for alias in aliases() if not elsewhere(alias)]  # or it would be done there
        flushed = [_flushed(alias, name, deadline) for alias in here]  # each of them
        return all(flushed)

    async def aflush_for(self, actor: Any) -> bool:
        return await sync_to_async(self.flush_for)(actor)


later: Final = Later()


def _flushed(alias: str, actor: str, deadline: float) -> bool:
    """Whole lanes: others' writes to the same rows may come before."""
    while lanes := _lanes_of(alias, actor):
        leased = not connections[alias].in_atomic_block  # a lease would be seen at the commit only
        drained = [drain_lane(alias, lane, leased=leased) for lane in lanes]
        if time.monotonic() > deadline:
            return False
        if not any(drained):
            time.sleep(0.02)
    return True


def _lanes_of(alias: str, actor: str) -> list[str]:
    rows = waiting(alias).filter(actor=actor, kind__in=WRITES)
    return list(rows.values_list("lane", flat=True).distinct().order_by())


def _rows_and_model(target: Any) -> tuple[Any, type[Model]]:
    if isinstance(target, type) and issubclass(target, Model):
        return None, target
    if isinstance(target, Manager):
        target = target.all()
    if not isinstance(target, QuerySet):
        raise TypeError(
            f"later() wants a queryset, or a model to create, not {type(target).__name__}."
        )
    if target._fields is not None or target.query.combinator:  # type: ignore[attr-defined]
        raise LaterError(
            "later() can't write to values(), or to a union.", "Pass the queryset of the rows."
        )
    return target, target.model


def _is_simple(query: Any) -> bool:
    """Whether a condition more leaves out rows, and changes nothing else."""
    return not (query.is_sliced or query.distinct_fields or query.annotations)


def _name_of(actor: Any) -> str:
    if actor is None:
        return ""
    return f"{actor._meta.label}:{actor.pk}" if isinstance(actor, Model) else str(actor)


def _parts(pks: list[Any]) -> list[list[Any]]:
    return [pks[at : at + ROWS] for at in range(0, len(pks), ROWS)]
