"""The statements of one kind of arguments, and what becomes of other values in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, router

from .._errors import DbError
from . import _trial
from ._bound import Place
from ._noted import noted, params_within
from ._param import Param, ShapesError
from ._variant import Quick, Variant

MOST: Final = 200  # statements, and kinds of arguments, that one handle keeps


class Family:
    """The statements of one kind of arguments: an alias each, and a number of marks in ``IN``."""

    def __init__(self, built: _trial.Built) -> None:
        self.rows, self._update = built.rows, built.update
        self.is_update = built.rows is None
        if self.is_update and built.update is None:
            raise DbError("compiled: no argument is in this update.", "Run it as it is.")
        self.model = built.update.model if self.is_update else built.rows.model
        self._fixed = self._fixed_alias(built)
        self._hints = built.hints if self.is_update else self.rows._hints
        self._statements: dict[Any, Statement] = {}
        #: By alias; ``tried``: whether there can be one has been asked.
        self.quick: dict[str, Quick] = {}
        self.tried: set[str] = set()

    def _fixed_alias(self, built: _trial.Built) -> str | None:
        """What ``using()`` said; None: it is the router's business, call by call."""
        if not self.is_update:
            if isinstance(self.rows._db, Param):
                raise ShapesError(self.rows._db.argument)
            return self.rows._db  # type: ignore[no-any-return]
        return built.named

    def alias(self) -> str:
        if self._fixed is not None:
            return self._fixed
        if not (router.routers or self._hints):
            return DEFAULT_DB_ALIAS
        if self.is_update:
            return router.db_for_write(self.model, **self._hints)
        return self.rows.db  # type: ignore[no-any-return]

    def bound(self, values: dict[str, Any], connection: Any) -> tuple[Variant, list[Any]]:
        alias = connection.alias
        statement = self._statements.get(alias)
        if statement is None:
            statement = self._statements[alias] = Statement(self, values, connection)
        return statement.bound(values, connection)

    def quick_for(self, variant: Variant, names: Sequence[str]) -> Quick | None:
        return self._statements[variant.alias].quick(variant, names)

    def compile(self, values: dict[str, Any], connection: Any) -> tuple[Variant, list[Place]]:
        places: list[Place] = []
        query = noted(self._update if self.is_update else self.rows.query, places, values)
        beside = () if self.is_update else self.rows._prefetch_related_lookups
        for param in chain.from_iterable(map(params_within, (query, *beside))):
            raise ShapesError(param.argument)
        return Variant(query, self.rows, connection), places


NOTHING: Final = ("", ())


class Statement:
    """One alias's: variants that differ in what a lookup becomes for its value."""

    def __init__(self, family: Family, values: dict[str, Any], connection: Any) -> None:
        self._family = family
        self._variants: dict[Any, Variant] = {}
        variant, self._places = family.compile(values, connection)
        for place in self._places:
            place.try_fast(values, connection)
        self._variants[self._bind(values, connection)[0]] = variant

    def bound(self, values: dict[str, Any], connection: Any) -> tuple[Variant, list[Any]]:
        """The variant for these values, and all its parameters."""
        key, bound = self._bind(values, connection)
        variant = self._variants.get(key)
        if variant is None:
            variant, places = self._family.compile(values, connection)
            self._learn(places)
            key, bound = self._bind(values, connection)
            _make_room(self._variants)
            self._variants[key] = variant
        return variant, variant.params(bound)

    def quick(self, variant: Variant, names: Sequence[str]) -> Quick | None:
        """None: some place has to be compiled for each value."""
        steps = [step for place in self._places if (step := place.step(names)) is not None]
        if len(steps) < len(self._places) or not variant.sql:
            return None
        return Quick(variant, steps)

    def _learn(self, places: list[Place]) -> None:
        """What was not reached, where all was known to be empty, may be reached now."""
        for known, new in zip(self._places, places, strict=True):
            known.query = known.query or new.query

    def _bind(self, values: dict[str, Any], connection: Any) -> tuple[Any, list[Sequence[Any]]]:
        found = [
            place.bind(values, connection) if place.query is not None else NOTHING
            for place in self._places
        ]
        return tuple([sql for sql, _ in found]), [params for _, params in found]


def _make_room(kept: dict[Any, Any]) -> None:
    while len(kept) >= MOST:
        try:
            del kept[next(iter(kept))]
        except (KeyError, RuntimeError, StopIteration):
            return  # another thread has made room
