"""Which relation a statement reads, named from the frames and hints Django leaves; no query is run.

=================  ======================================================================
read               named from
=================  ======================================================================
foreign key, o2o   frame of ``ForwardManyToOneDescriptor.__get__``
reverse o2o        frame of ``ReverseOneToOneDescriptor.__get__``
deferred field     frame of ``DeferredAttribute.__get__``
generic key        frame of ``GenericForeignKey.__get__``, from 6.1 of its descriptor's
reverse key        the queryset's ``_known_related_objects`` and the hint ``instance``
many to many       the hint ``instance`` and the through table among the query's tables
generic relation   content type and object id in the query's conditions
=================  ======================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db.models import Model, QuerySet
from django.template.context import BaseContext

from ._frames import Walk, variables
from ._plain import PLAIN
from ._roles import DEFERRED, FORWARD, GENERIC, REVERSE_ONE

ONE, MANY, FIELD, ANY = "one", "many", "field", "any"
ITERATORS: Final = ("_iterator", "aiterator")
SHAPES: Final = {FORWARD: ONE, REVERSE_ONE: ONE, DEFERRED: FIELD, GENERIC: ANY}


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """``label`` is model and attribute, "books.Book.author"; ``instance`` is what was read."""

    label: str
    attribute: str
    instance: Model | None
    shape: str
    whole: bool = True  # all of the relation, as a prefetch would have it: no filter, no slice
    key: Any = None  # where the instance itself is out of sight: its primary key

    @property
    def row(self) -> tuple[object, ...]:
        """Tells the row of one instance from another's; two instances of a row are the same."""
        return (self.label, self.key) if self.instance is None else row(self.instance)


def row(instance: Model) -> tuple[object, ...]:
    """The row an instance is of; one that is not saved is itself."""
    pk = _column(instance, instance._meta.pk)
    return (instance._meta.concrete_model, pk if type(pk) in PLAIN else id(instance))


def _column(instance: Model, field: Any) -> Any:
    """A column's value, past any code of the model's."""
    return object.__getattribute__(instance, "__dict__").get(field.attname)


def same(one: Any, other: Any) -> bool:
    """Equal, where comparing runs nobody's code."""
    return type(one) in PLAIN and type(other) in PLAIN and one == other


def relation(found: Walk) -> Relation | None:
    """The relation a statement reads, or None where it reads none."""
    if found.accessor is not None:
        return _accessed(*found.accessor)
    if found.queryset is None:
        return None
    named = related(found.queryset) or _generic(found.queryset, found)
    if named is not None and found.method in ITERATORS:
        return replace(named, whole=False)  # which asks anew, whatever was prefetched
    return named


def _accessed(role: int, descriptor: Any, instance: Model) -> Relation:
    if role == REVERSE_ONE:
        owner, name = descriptor.related.model, descriptor.related.get_accessor_name()
    else:
        field = getattr(descriptor, "field", descriptor)
        owner, name = field.model, field.name
    return Relation(_label(owner, name), name, instance, SHAPES[role])


def _label(model: Any, name: str) -> str:
    return f"{model._meta.concrete_model._meta.label}.{name}"


def related(queryset: QuerySet[Any]) -> Relation | None:
    """What a related manager's queryset reads; survives late evaluation and further filters."""
    instance = queryset._hints.get("instance")  # type: ignore[attr-defined]
    if not issubclass(type(instance), Model):
        return None
    named = _reverse(queryset, instance) or _many_to_many(queryset, instance)
    if named is None:
        return None
    label, attribute = named
    return Relation(label, attribute, instance, MANY, _is_whole(queryset))


def _reverse(queryset: QuerySet[Any], instance: Model) -> tuple[str, str] | None:
    known = queryset._known_related_objects  # type: ignore[attr-defined]
    for field, objects in known.items():
        remote = getattr(field, "remote_field", None)
        if remote is not None and any(each is instance for each in objects.values()):
            name = remote.get_accessor_name() or ""
            return _label(remote.model, name), name
    return None


def _many_to_many(queryset: QuerySet[Any], instance: Model) -> tuple[str, str] | None:
    tables = {getattr(join, "table_name", None) for join in queryset.query.alias_map.values()}
    meta = type(instance)._meta
    for field in meta.many_to_many:
        through: Any = field.remote_field.through
        if through._meta.db_table not in tables or _is_from_other_side(queryset, field):
            continue
        if _is_for(queryset.model, field):
            return _label(field.model, field.name), field.name
    for remote in meta.related_objects:
        if remote.many_to_many and remote.through._meta.db_table in tables:  # type: ignore[attr-defined]
            name = remote.get_accessor_name() or ""
            return _label(remote.model, name), name
    return None


def _is_from_other_side(queryset: QuerySet[Any], field: Any) -> bool:
    """Of a relation to its own model: which column of the through table is asked tells the side."""
    if not field.remote_field.hidden and field.related_model is field.model:
        for target, _ in _equalities(queryset):
            if target.model is field.remote_field.through:
                return bool(target.name == field.m2m_reverse_field_name())
    return False


def _is_for(model: type[Model], field: Any) -> bool:
    """Counting asks the through table alone."""
    wanted = field.related_model, field.remote_field.through
    return any(issubclass(each, model._meta.concrete_model or model) for each in wanted)


def _is_whole(queryset: QuerySet[Any]) -> bool:
    query = queryset.query
    return (
        len(query.where.children) <= 1  # a slice is taken from what was prefetched
        and not query.annotations
        and not query.distinct
        and query.default_ordering
        and query.standard_ordering
        and not query.order_by
        and not query.select_for_update
        and not query.deferred_loading[0]
        and queryset._fields is None  # type: ignore[attr-defined]
    )


def _generic(queryset: QuerySet[Any], found: Walk) -> Relation | None:
    """A GenericRelation leaves no hint: it asks for a content type and an id."""
    equal = {target.name: value for target, value in _equalities(queryset)}
    for key in queryset.model._meta.private_fields:
        names = getattr(key, "ct_field", None), getattr(key, "fk_field", None)
        if None in names or not set(names) <= equal.keys():
            continue
        model = _content_model(equal[names[0]])
        for field in model._meta.private_fields if model else ():
            if getattr(field, "object_id_field_name", None) != names[1]:
                continue
            if field.related_model is queryset.model:
                pk = equal[names[1]]
                instance = _found(_held(found), model, pk)
                label = _label(field.model, field.name)
                return Relation(label, field.name, instance, MANY, whole=len(equal) == 2, key=pk)
    return None


def _equalities(queryset: QuerySet[Any]) -> Iterator[tuple[Any, Any]]:
    for condition in queryset.query.where.children:
        target = getattr(getattr(condition, "lhs", None), "target", None)
        if target is not None and getattr(condition, "lookup_name", "") == "exact":
            yield target, condition.rhs  # type: ignore[union-attr]


def _content_model(pk: Any) -> Any:
    """From the manager's memory alone; a look-up would be a query of ours."""
    from django.contrib.contenttypes.models import ContentType

    if type(pk) not in PLAIN:
        return None
    for types in ContentType.objects._cache.values():  # type: ignore[attr-defined]
        if pk in types:
            return types[pk].model_class()
    return None


def _found(held: Iterable[Model], model: type[Model], pk: Any) -> Model | None:
    for instance in held:
        if issubclass(type(instance), model) and same(_column(instance, model._meta.pk), pk):
            return instance
    return None


def _held(found: Walk) -> list[Model]:
    """The instances that the innermost project frame holds; of a template, its context.

    By their true type: ``isinstance`` asks for ``__class__``, and to answer, a lazy object
    (``request.user``) runs its query, perhaps the very one that is being named.
    """
    if not found.places:
        return []
    held = variables(found.places[0].frame)
    values = list(held.values())
    context = held.get("context")
    if issubclass(type(context), BaseContext):
        for layer in context.dicts:  # type: ignore[union-attr]
            values.extend(layer.values())
    return [value for value in values if issubclass(type(value), Model)]


def by_key(found: Walk) -> tuple[Model, str] | None:
    """``Author.objects.get(pk=book.author_id)``: the book, and ``author``;
    ``Book.objects.filter(author=author)``: the author, and ``book_set``.

    The one instance at hand whose key is the value that is asked for.
    """
    queryset = found.queryset
    if queryset is None or len(queryset.query.where.children) != 1:
        return None  # what else is asked for would be forgotten
    equal = list(_targets(queryset))
    if not equal:
        return None
    target, value = equal[0]
    for candidate in _held(found):
        name = _forward(candidate, queryset.model, target, value)
        name = name or _backward(candidate, target, value)
        if name is not None:
            return candidate, name
    return None


def _forward(candidate: Model, model: Any, target: Any, value: Any) -> str | None:
    for field in candidate._meta.concrete_fields:
        if (
            field.many_to_one
            and field.related_model is model
            and field.target_field is target  # type: ignore[attr-defined]
            and same(_column(candidate, field), value)
        ):
            return field.name
    return None


def _backward(candidate: Model, target: Any, value: Any) -> str | None:
    remote = getattr(target, "remote_field", None)
    if remote is None or not issubclass(type(candidate), remote.model):
        return None
    if not same(_column(candidate, target.target_field), value):
        return None
    name = remote.get_accessor_name()
    return None if name is None or name.endswith("+") else name


def _targets(queryset: QuerySet[Any]) -> Iterator[tuple[Any, Any]]:
    for condition in queryset.query.where.children:
        target = getattr(getattr(condition, "lhs", None), "target", None)
        if target is None or getattr(condition, "lookup_name", "") != "exact":
            return
        yield target, condition.rhs  # type: ignore[union-attr]
