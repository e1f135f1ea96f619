"""What an update is to write: constants, and numbers to add."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import DecimalField, F, FloatField, JSONField, Model
from django.db.models.expressions import CombinedExpression, Value
from django.db.models.functions import Now
from django.utils import timezone

from .._errors import LaterError
from ._guard import SHOWN
from ._values import field_of, read, told


@dataclass(slots=True)
class Wanted:
    """By field: the value it gets, or the number that is added to it."""

    sets: dict[Any, Any] = field(default_factory=dict)
    adds: dict[Any, Any] = field(default_factory=dict)

    def body(self, pks: list[Any]) -> dict[str, Any]:
        body: dict[str, Any] = {"pk": pks}
        if self.sets:
            body["set"] = {field.name: told(field, value) for field, value in self.sets.items()}
        if self.adds:
            body["add"] = {
                field.name: str(n) if isinstance(n, Decimal) else n
                for field, n in self.adds.items()
            }
        return body

    def expressions(self) -> dict[str, Any]:
        """As Django's own UPDATE takes them."""
        adds = {field.name: F(field.name) + n for field, n in self.adds.items()}
        return {**{field.name: value for field, value in self.sets.items()}, **adds}

    def shown(self, instance: Model) -> None:
        """Let a loaded instance say what it is going to be."""
        for each, value in self.sets.items():
            setattr(instance, each.attname, value)
        for each, n in self.adds.items():
            if instance.__dict__.get(each.attname) is not None:
                setattr(instance, each.attname, getattr(instance, each.attname) + n)
        held: Any = instance.__dict__
        held[SHOWN] = held.get(SHOWN, frozenset()) | {
            each.attname for each in (*self.sets, *self.adds)
        }


def wanted(model: type[Model], values: dict[str, Any]) -> Wanted:
    """What ``update(**values)`` asks for.

    Raises:
        LaterError: it can't be written down: an expression, a key, a field of none.
    """
    if not values:
        raise TypeError("update() got nothing to write.")
    found = Wanted()
    for name, value in values.items():
        column = _column(model, name)
        if hasattr(value, "resolve_expression") and not isinstance(value, Value | Now):
            found.adds[column] = _delta(column, value)
        else:
            found.sets[column] = _constant(column, value)
    return found


def _column(model: type[Model], name: str) -> Any:
    try:
        column: Any = field_of(model, name)
    except LookupError as error:
        known = ", ".join(sorted(each.name for each in model._meta.concrete_fields))
        raise LaterError(str(error), f"It has {known}.") from error
    if column.primary_key or getattr(column, "generated", False):
        raise LaterError(
            f"{model._meta.label}.{name} can't be updated later.",
            "It is the row's key, or made by the database.",
        )
    return column


def _constant(column: Any, value: Any) -> Any:
    if isinstance(value, Now):
        value = timezone.now()  # when it was asked for, not when it is written
    elif isinstance(value, Value):
        value = value.value
        if value is None and isinstance(column, JSONField):
            raise LaterError(
                f"{column.model._meta.label}.{column.name}: a JSON null can't be written down.",
                "None is SQL's NULL; for JSON's, update() it now, or in a @task.",
            )
    try:
        return read(column, told(column, value))
    except (ValidationError, ValueError, TypeError) as error:
        raise LaterError(
            f"{column.model._meta.label}.{column.name} can't be {value!r:.80}.", str(error)
        ) from error


def _delta(column: Any, value: Any) -> Any:
    """The n of ``F("views") + n``, for the field's own F."""
    if isinstance(value, CombinedExpression) and value.connector in ("+", "-"):
        left, right = value.lhs, value.rhs
        if isinstance(left, Value) and value.connector == "+":
            left, right = right, left
        if _is_own(column, left) and isinstance(right, Value) and _fits(column, right.value):
            return right.value if value.connector == "+" else -right.value
    raise LaterError(
        f"{column.model._meta.label}.{column.name} = {value} can't be written down.",
        f'Constants can, and F("{column.name}") + n; else update() it now, or in a @task.',
    )


def _is_own(column: Any, value: Any) -> bool:
    return isinstance(value, F) and vars(value)["name"] in (column.name, column.attname)


def _fits(column: Any, value: Any) -> bool:
    """Whether the number can be added without a change: no fraction to an integer."""
    kinds: Any = (int, float, Decimal) if isinstance(column, FloatField) else (int,)
    if isinstance(column, DecimalField):
        kinds = (int, Decimal)
    return isinstance(value, kinds) and not isinstance(value, bool)
