"""Whether instances of a model may be made without calling it.

``Model.__init__`` sets each attribute, and sends two signals. An instance whose attributes are put
into its ``__dict__`` is the same, unless the site has changed one of the steps on the way
(https://code.djangoproject.com/ticket/19501 is the same idea for Django itself).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db.models import Model
from django.db.models.fields.files import FileDescriptor, ImageFileDescriptor
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.query_utils import DeferredAttribute
from django.db.models.signals import post_init, pre_init

from .._errors import DbError

HINT: Final = "Use the queryset itself."
#: What these do on a new instance is to put the value into its __dict__.
PLAIN: Final = (
    DeferredAttribute,
    FileDescriptor,
    ForeignKeyDeferredAttribute,
    ImageFileDescriptor,
)
STEPS: Final = ("__init__", "__new__", "__setattr__", "__getattribute__")


def check(model: type[Model], attnames: list[str]) -> None:
    """DbError, with the reason, where instances of ``model`` have to be made by calling it."""
    for why in reasons(model, attnames):
        raise DbError(f"{model._meta.label}: {why}, so that rows must pass through it.", HINT)


def check_listeners(model: type[Model]) -> None:
    """The same of what may change from one call to the next."""
    if pre_init.has_listeners(model) or post_init.has_listeners(model):
        check(model, [])


def reasons(model: type[Model], attnames: list[str]) -> Iterator[str]:
    yield from reasons_to_call(model, attnames)
    if model.from_db.__func__ is not Model.from_db.__func__:  # type: ignore[attr-defined]
        yield "it has a from_db of its own"


def reasons_to_call(model: type[Model], attnames: list[str]) -> Iterator[str]:
    """The same of instances that are not read from the database."""
    for name in STEPS:
        if getattr(model, name) is not getattr(Model, name):
            yield f"it has a {name} of its own"
    for name, signal in (("pre_init", pre_init), ("post_init", post_init)):
        if signal.has_listeners(model):
            yield f"somebody listens to its {name} (an ImageField with width_field does)"
    for attname in attnames:
        if not is_plain(model, attname):
            yield f"{attname} is set by a descriptor of its own"


def is_plain(model: type[Model], attname: str) -> bool:
    """Whether setting the attribute does nothing else, as with Django's own descriptors."""
    kind = type(getattr_static(model, attname))
    return kind in PLAIN or not hasattr(kind, "__set__")


def is_unheard(model: type[Model], name: str) -> bool:
    """Whether setting the attribute is nothing but that: no descriptor is told."""
    kind = type(getattr_static(model, name))
    return not (hasattr(kind, "__set__") or hasattr(kind, "__delete__"))


def getattr_static(model: type[Model], name: str) -> Any:
    """As ``inspect.getattr_static``, without what it does for instances and metaclasses."""
    for each in model.__mro__:
        if name in vars(each):
            return vars(each)[name]
    return None
