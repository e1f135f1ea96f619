"""One statement, compiled: its SQL, and which parameter is whose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import transaction
from django.db.models import prefetch_related_objects

from .._direct import answered
from .._kept import kept_on
from .._reads._code import Load
from .._reads._fetch import executed
from .._reads._found import PART, joined, part_of
from .._reads._instances import Known
from .._reads._loads import of_instances, tracks
from .._reads._sound import check_listeners
from ._bound import OTHERWISE, Slot, Step
from ._param import Param, ShapesError

#: By number of its place, what an argument compiles to.
Bound = Sequence[Sequence[Any]]


class Variant:
    """A statement for one alias; ``rows`` is the queryset that was built, None for an update."""

    def __init__(self, query: Any, rows: Any, connection: Any) -> None:
        self.query, self.rows, self.alias = query, rows, connection.alias
        compiler = query.get_compiler(connection=connection)
        if rows is None:
            compiler.pre_sql_setup = _done  # when the lambda ran; twice it would nest twice
        self.sql, self.parameters = "", []
        self._width: int | None = None
        try:
            self.sql, params = compiler.as_sql()
        except EmptyResultSet:
            return
        for each in params:
            if isinstance(each, Param):
                raise ShapesError(each.argument)
        self.parameters = list(params)
        if rows is not None and compiler.has_extra_select:
            self._width = compiler.col_count

    def params(self, bound: Bound) -> list[Any]:
        """All parameters, in their order."""
        return [
            bound[each.place][each.index] if each.__class__ is Slot else each
            for each in self.parameters
        ]

    def update(self, params: Sequence[Any], connection: Any) -> int:
        if not self.sql:
            return 0
        try:
            way = answered(connection, self.sql, params)
            if way is not None:
                return way.changed
            with connection.cursor() as cursor:
                cursor.execute(self.sql, params)
                return int(cursor.rowcount)
        except Exception:
            with transaction.mark_for_rollback_on_error(using=self.alias):
                raise

    def all(self, params: Sequence[Any], connection: Any) -> list[Any]:
        found = joined(self._parts(params, connection, PART))
        lookups = self.rows._prefetch_related_lookups
        if lookups:
            prefetch_related_objects(found, *lookups)
        return found

    def stream(self, params: Sequence[Any], connection: Any, size: int) -> Iterator[Any]:
        for part in self._parts(params, connection, size, chunked=True):
            if self.rows._prefetch_related_lookups:
                prefetch_related_objects(part, *self.rows._prefetch_related_lookups)
            yield from part

    def _parts(
        self, params: Sequence[Any], connection: Any, size: int, *, chunked: bool = False
    ) -> Iterator[list[Any]]:
        if not self.sql:
            return
        self._refuse_lock(connection)
        load = self._load(connection)
        relate = Known(self.rows) if self.rows._known_related_objects else None
        for rows in executed(connection, self.sql, params, size, self._width, chunked=chunked):
            made = part_of(rows, load)
            if relate is not None:
                relate(made)
            yield made

    def _refuse_lock(self, connection: Any) -> None:
        """As Django does when it compiles, which may have been inside a transaction."""
        locks = self.query.select_for_update and connection.features.has_select_for_update
        if locks and connection.get_autocommit():
            raise transaction.TransactionManagementError(
                "select_for_update cannot be used outside of a transaction."
            )

    def _load(self, connection: Any) -> Load:
        """Converters belong to a connection: each thread has its own."""
        kept = kept_on(connection)
        known, now = kept.get(self), (settings.USE_TZ, connection.timezone)
        if known is not None and known[0] == now:
            for model in known[2]:
                check_listeners(model)
            return known[1]  # type: ignore[no-any-return]
        compiler = self.query.get_compiler(connection=connection)
        compiler.setup_query()
        mode = getattr(self.rows, "_fetch_mode", None)
        made = of_instances(compiler, self.alias, mode)
        if not tracks(mode):
            kept[self] = now, made, list(_models(compiler.klass_info))
        return made


class Quick:
    """A variant whose parameters are bound one by one, by what stands at each place."""

    def __init__(self, variant: Variant, steps: Sequence[Step]) -> None:
        self.variant, self._steps = variant, []
        self._parameters = variant.parameters.copy()
        for at, each in enumerate(variant.parameters):
            if each.__class__ is Slot:
                self._steps.append((at, *steps[each.place]))

    def params(self, args: Sequence[Any], connection: Any) -> list[Any] | None:
        """None: one of these values needs a lookup of its own."""
        params = self._parameters.copy()
        for at, which, fast in self._steps:
            params[at] = value = fast(args[which], connection)
            if value is OTHERWISE:
                return None
        return params


def _models(info: Any) -> Iterator[Any]:
    yield info["model"]
    for each in info.get("related_klass_infos", ()):
        yield from _models(each)


def _done(*args: Any, **kwargs: Any) -> None:
    """What was to be set up has been."""
