"""Arguments of a task as JSON tells them, and back.

Querysets become lists, and instances become references, which are loaded again when the task runs.
Which of the values these are is told apart from them, so no text can be taken for one.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from django.db import router
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable

from .._outbox._tables import all_rows

_PLAIN: Final = (str, int, bool, type(None))
#: What a queryset's values may be besides: how they are told, and read again.
_VALUES: Final[dict[str, tuple[type, Any, Any]]] = {
    "datetime": (datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    "date": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "decimal": (Decimal, str, Decimal),
    "uuid": (UUID, str, UUID),
}
Place = list[str | int]


class Written:
    """The arguments of one call."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.places: list[list[Any]] = []  #: [place, what it is, …] of what is no plain JSON

    def body(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """What is written down for ``name(*args, **kwargs)``.

        Raises:
            TypeError: an argument is neither JSON nor a queryset nor an instance; it is named.
            ValueError: an instance is not saved, a number is not finite.
        """
        told = {
            "args": [self._told(value, ["args", at], str(at)) for at, value in enumerate(args)],
            "kwargs": {k: self._told(v, ["kwargs", k], k) for k, v in kwargs.items()},
        }
        return {**told, "places": self.places} if self.places else told

    def _told(self, value: Any, place: Place, argument: str) -> Any:
        if type(value) in _PLAIN:
            return value
        if isinstance(value, str):  # an enumeration's member, a text that is safe in templates
            return str.__str__(value)
        if isinstance(value, int):
            return int.__int__(value)
        if isinstance(value, QuerySet):
            return self._rows(value, place, argument)
        if isinstance(value, Model):
            alias = router.db_for_write(type(value), instance=value)  # a replica may be behind
            self.places.append([place, "instance", value._meta.label, alias])
            return self._pk(value, argument)
        if isinstance(value, float):
            return self._finite(value, argument)
        if isinstance(value, list | tuple):
            return [self._told(v, [*place, at], argument) for at, v in enumerate(value)]
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return {k: self._told(v, [*place, k], argument) for k, v in value.items()}
        raise TypeError(
            f"{self._name}(): the argument {argument} has a value of type {type(value).__name__}, "
            "which is not JSON. Pass numbers, texts, lists, dicts, a queryset or an instance."
        )

    def _rows(self, rows: Any, place: Place, argument: str) -> list[Any]:
        """The list that it is, at no query if it has been asked before."""
        if issubclass(rows._iterable_class, ModelIterable):
            label = rows.model._meta.label
            alias = rows._db or router.db_for_write(rows.model, **rows._hints)
            self.places.append([place, "instances", label, alias])
            loaded: Any = rows._result_cache
            if loaded is None:
                return [self._value(pk) for pk in rows.values_list("pk", flat=True)]
            return [self._pk(row, argument) for row in loaded]
        return [self._valued(value, [*place, at], argument) for at, value in enumerate(rows)]

    def _valued(self, value: Any, place: Place, argument: str) -> Any:
        """A row of ``values_list`` or ``values``; its values may be what databases have."""
        if isinstance(value, tuple | list):
            return [self._valued(v, [*place, at], argument) for at, v in enumerate(value)]
        if isinstance(value, dict):
            return {k: self._valued(v, [*place, k], argument) for k, v in value.items()}
        for kind, (cls, tell, _) in _VALUES.items():
            if isinstance(value, cls):
                self.places.append([place, kind])
                return tell(value)
        return self._told(value, place, argument)

    def _pk(self, row: Model, argument: str) -> Any:
        if row.pk is None or row._state.adding:
            raise ValueError(
                f"{self._name}(): the argument {argument} is a {row._meta.model_name} that is not "
                "saved, so nothing could load it later. Save it first."
            )
        return self._value(row.pk)

    def _value(self, pk: Any) -> Any:
        if isinstance(pk, tuple):
            raise TypeError(
                f"{self._name}(): an instance with a key of several columns can't be written down. "
                "Pass what it is found by."
            )
        return pk if type(pk) in _PLAIN else str(pk)

    def _finite(self, value: float, argument: str) -> float:
        if value - value != 0:
            raise ValueError(f"{self._name}(): the argument {argument} is {value}, not finite.")
        return value


def read(body: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """(args, kwargs) of a call that was written down.

    Raises:
        django.core.exceptions.ObjectDoesNotExist: an instance is gone.
        LookupError: its model is.
    """
    args: list[Any] = list(body["args"])
    kwargs: dict[str, Any] = dict(body["kwargs"])
    told = {"args": args, "kwargs": kwargs}
    for place, kind, *details in body.get("places", ()):
        *path, last = place
        holder: Any = told
        for step in path:
            holder = holder[step]
        holder[last] = _read(kind, holder[last], *details)
    return args, kwargs


def _read(kind: str, value: Any, label: str = "", alias: str | None = None) -> Any:
    if kind in _VALUES:
        return _VALUES[kind][2](value)
    rows: Any = all_rows(apps.get_model(label), alias)
    if kind == "instance":
        return rows.get(pk=value)
    return _in_order(rows, value)


def _in_order(rows: Any, pks: Iterable[Any]) -> list[Any]:
    """Those that are still there, in one query."""
    clean = [rows.model._meta.pk.to_python(pk) for pk in pks]
    found = rows.in_bulk(clean)
    return [found[pk] for pk in clean if pk in found]
