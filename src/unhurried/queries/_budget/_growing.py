"""More rows of a kind: copies with keys of their own, unique values varied, foreign keys kept."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import count
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist
from django.db import IntegrityError, models, transaction
from django.db.models import Field, Max, Model, QuerySet, UniqueConstraint

from unhurried.measure import reading as measure

from .._find._counting import Queries, counting
from .._sql._reads import bare

HELP: Final = "Give constant_queries() a function that adds rows: grow=lambda: make_books(10)."


def grower(grow: Any, by: int, using: str) -> Callable[[], None]:
    """A function that multiplies the rows of models and querysets, or the caller's own."""
    if not isinstance(by, int) or isinstance(by, bool) or by < 2:
        raise ValueError(f"constant_queries(by={by!r}): rows grow by 2 or more.")
    kinds = list(grow) if isinstance(grow, list | tuple) else [grow]
    if kinds and all(_is_rows(kind) for kind in kinds):
        return lambda: _multiply_all(kinds, by, using)
    if not callable(grow) or isinstance(grow, type):
        raise TypeError(f"constant_queries(grow={grow!r}): a model, queryset, or function is due.")
    return lambda: _call(grow)


def _multiply_all(kinds: list[Any], by: int, using: str) -> None:
    for kind in kinds:
        multiply(_rows(kind, using), by)


def _is_rows(kind: object) -> bool:
    return isinstance(kind, QuerySet) or (isinstance(kind, type) and issubclass(kind, Model))


def _rows(kind: Any, using: str) -> QuerySet[Any]:
    return kind.all() if isinstance(kind, QuerySet) else kind._base_manager.using(using)


def _call(grow: Callable[[], object]) -> None:
    """It must write; else the second run proves nothing."""
    written = _Writes()
    with counting(written, track=False):
        grow()
    if not written.any:
        raise ValueError(f"constant_queries(): grow={grow!r} has not written a row.")


class _Writes(Queries):
    any = False

    def _note(self, statement: Any, frame: Any) -> None:
        text = bare(str(statement.sql))[:7].upper()
        reads = text.startswith(("SELECT", "EXPLAIN")) or measure.is_control(statement.sql)
        self.any = self.any or bool(statement.writes) or not reads


def multiply(rows: QuerySet[Any], by: int) -> None:
    """Add copies until there are ``by`` times as many."""
    originals = list(rows)
    name = rows.model._meta.label
    if not originals:
        raise ValueError(f"constant_queries(): there is no {name} to copy; make some first.")
    copies = Copies(rows.model, rows.db)
    made = [copies.of(original) for original in originals for _ in range(by - 1)]
    try:
        with transaction.atomic(using=rows.db):
            copies.save(made)
    except IntegrityError as error:
        raise ValueError(f"{name} can't be copied: {error}. {HELP}") from error


class Copies:
    """Makes copies of a model's rows; refuses, with the reason, where it can't."""

    def __init__(self, model: type[Model], using: str) -> None:
        self.model = model._meta.concrete_model or model
        self.using = using
        self.varied = self._fields_to_vary()
        self.numbers = count(1)
        self.highest: dict[str, Any] = {}

    def _fields_to_vary(self) -> list[Field[Any, Any]]:
        fields = [field for field in self._fields() if field.unique and not _is_made(field)]
        for names in self._sets():
            together = [self._field(name) for name in names]
            if not any(field in fields or field.primary_key for field in together):
                fields.append(self._one_that_varies(together))
        for field in fields:
            self._refuse(field)
        return fields

    def _fields(self) -> list[Field[Any, Any]]:
        links = self.model._meta.parents.values()
        return [field for field in self.model._meta.concrete_fields if field not in links]

    def _field(self, name: str) -> Field[Any, Any]:
        try:
            return self.model._meta.get_field(name)  # type: ignore[return-value]
        except FieldDoesNotExist:  # Django's own checks say so
            raise ValueError(f"{self.model._meta.label} has no field {name!r}.") from None

    def _sets(self) -> Iterator[tuple[str, ...]]:
        for kind in (self.model, *self.model._meta.get_parent_list()):
            yield from (tuple(names) for names in kind._meta.unique_together)
            for constraint in kind._meta.constraints:
                if isinstance(constraint, UniqueConstraint) and constraint.fields:
                    yield tuple(constraint.fields)

    def _one_that_varies(self, together: list[Field[Any, Any]]) -> Field[Any, Any]:
        fit = [field for field in together if not field.is_relation and not field.choices]
        if fit:
            return min(fit, key=lambda field: not isinstance(field, models.CharField))
        names = ", ".join(field.name for field in together)
        raise ValueError(f"{self.model._meta.label} can't be copied: {names} unique. {HELP}")

    def _refuse(self, field: Field[Any, Any]) -> None:
        if field.is_relation or not isinstance(field, _VARIABLE):
            kind = type(field).__name__
            raise ValueError(
                f"{self.model._meta.label} can't be copied: {field.name} ({kind}) is unique. {HELP}"
            )

    def of(self, original: Model) -> Model:
        """A copy, not saved yet."""
        twin = self.model()  # with new keys, where they are made
        for field in self._fields():
            if not _is_made(field) and not getattr(field, "generated", False):
                setattr(twin, field.attname, getattr(original, field.attname))
        for field in self.varied:
            value = getattr(original, field.attname)
            setattr(twin, field.attname, self._vary(field, value))
        return twin

    def _vary(self, field: Field[Any, Any], value: Any) -> Any:
        if value is None:
            return None  # no two NULLs are equal
        number = next(self.numbers)
        if isinstance(value, str):
            return _other_text(field, value, number)
        if isinstance(value, uuid.UUID):
            return uuid.uuid4()
        more = timedelta(days=number) if isinstance(value, date) else type(value)(number)
        return self._highest(field) + more

    def _highest(self, field: Field[Any, Any]) -> Any:
        if field.name not in self.highest:
            found = self.model._base_manager.using(self.using).aggregate(top=Max(field.name))
            self.highest[field.name] = found["top"]
        return self.highest[field.name]

    def save(self, made: list[Model]) -> None:
        """At once, and without signals, which might make rows of their own."""
        if not self.model._meta.parents:
            self.model._base_manager.using(self.using).bulk_create(made)
            return
        for each in made:
            each.save(using=self.using, force_insert=True)


_VARIABLE: Final = (
    *(models.CharField, models.TextField, models.UUIDField, models.IntegerField),
    *(models.FloatField, models.DecimalField, models.DateField),
)


def _is_made(field: Field[Any, Any]) -> bool:
    """Whether the database, or a default, makes a new key."""
    made = isinstance(field, models.AutoField) or field.has_default()
    return field.primary_key and not field.is_relation and made


def _other_text(field: Field[Any, Any], value: str, number: int) -> str:
    """In front, so that an address stays one; not longer than the field takes."""
    mark = f"{number}-"
    longest = field.max_length or len(value) + len(mark)
    return mark + value[max(len(mark) + len(value) - longest, 0) :]
