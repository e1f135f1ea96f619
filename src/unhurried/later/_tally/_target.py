"""What is counted: a numeric field of a model, and which row is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models

NUMERIC: Final = (models.IntegerField, models.DecimalField, models.FloatField)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A field of a concrete model; ``label`` is ``"app.Model.field"``."""

    model: Any
    field: Any
    label: str
    takes_ints: bool  # its primary key is one: most are

    def pk_of(self, what: Any) -> Any:
        """The primary key of an instance, or the one given, as the database has it."""
        if type(what) is int and self.takes_ints:
            return what
        if isinstance(what, models.Model):
            return self._of_instance(what)
        try:
            pk = self.model._meta.pk.to_python(what)
        except (ValidationError, TypeError, ValueError):
            pk = None
        if pk is None or isinstance(what, bool):
            raise TypeError(
                f"Tally of {self.label}: {what!r} is no primary key of {self._name}. "
                f"Give a saved {self._name}, or its pk."
            )
        return pk

    def _of_instance(self, instance: models.Model) -> Any:
        if not isinstance(instance, self.model):
            raise TypeError(
                f"Tally of {self.label} takes a {self._name}, not {instance!r}, "
                f"a {type(instance).__name__}: give a {self._name}, or its pk."
            )
        # By name: a child of two models has the primary keys of both.
        pk = getattr(instance, self.model._meta.pk.attname)
        if pk is None or instance._state.adding:
            raise ValueError(
                f"Tally of {self.label}: {instance!r} is not in the database. "
                "Save it first, or give the pk of the one that is."
            )
        # What was assigned as a text stays one: str(uuid), or a form's number.
        return pk if type(pk) is int else self.model._meta.pk.to_python(pk)

    @property
    def _name(self) -> str:
        return str(self.model.__name__)


def model_of(model: Any) -> Any:
    """The model's class; None of a name whose app is not loaded yet."""
    if isinstance(model, str):
        if not apps.models_ready:
            return None
        try:
            return apps.get_model(model)
        except (LookupError, ValueError) as error:
            raise ValueError(
                f'Tally({model!r}, …): there is no such model ({error}). Say "app_label.Model".'
            ) from None
    if isinstance(model, type) and issubclass(model, models.Model):
        return model
    raise TypeError(f'Tally() wants a model, or "app_label.Model", not {model!r}.')


def target(model: Any, name: str) -> Target:
    """Raises ValueError or TypeError: there is no such field, or nothing can be added to it."""
    field = _field(model, name)
    owner = field.model
    if owner is not model._meta.concrete_model:
        raise ValueError(
            f"{model._meta.label}.{name} is a field of {owner._meta.label}, its parent. "
            f"Say Tally({owner.__name__}, {name!r}); it takes {model.__name__}s as well."
        )
    if isinstance(owner._meta.pk, models.CompositePrimaryKey):
        raise ValueError(f"{owner._meta.label} has a composite primary key; Tally takes none.")
    key = owner._meta.pk
    while key.remote_field is not None:  # a row for each of another model's
        key = key.target_field
    ints = isinstance(key, models.IntegerField)
    return Target(owner, field, f"{owner._meta.label}.{name}", ints)


def _field(model: Any, name: str) -> Any:
    label = model._meta.label
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        numeric = [f.name for f in model._meta.concrete_fields if _counts(f)]
        known = ", ".join(map(repr, numeric)) or "none"
        raise ValueError(f"{label} has no field {name!r}; numeric ones: {known}.") from None
    if not _counts(field):
        raise ValueError(
            f"{label}.{name} is a {type(field).__name__}. Tally adds whole numbers to an "
            "IntegerField or one of its kind, a DecimalField or a FloatField that is no key."
        )
    return field


def _counts(field: Any) -> bool:
    return isinstance(field, NUMERIC) and not field.primary_key
