"""What the rows of a compiled query are: which columns are whose, and how each becomes a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from . import _sound
from ._values import quick


@dataclass(slots=True)
class Column:
    """One column of the rows; ``convert`` makes a value of it, None: it is one."""

    place: int
    convert: Callable[[Any], Any] | None = None


@dataclass(slots=True)
class Node:
    """Instances of one model in each row: the queryset's own, or one by ``select_related``."""

    model: type[Model]
    #: (attribute, place in the row) of what was selected; all others are deferred.
    attributes: list[tuple[str, int]]
    #: Where its primary key is, so that "there is none" is seen; None for the queryset's own.
    key: int | None = None
    #: What tells the parent of the child, and the child of the parent.
    local_setter: Any = None
    remote_setter: Any = None
    children: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Shape:
    """The rows of one query: ``root`` for instances, ``annotations`` (name, place) beside them."""

    width: int
    columns: list[Column]
    root: Node | None = None
    annotations: list[tuple[str, int]] = field(default_factory=list)


def of_values(compiler: Any) -> Shape:
    """Of ``values_list``: columns alone."""
    fields = [each[0] for each in compiler.select[: compiler.col_count]]
    return Shape(len(fields), converted(fields, compiler))


def of_instances(compiler: Any) -> Shape:
    """Of instances. DbError where one of the models needs to see its instances being made."""
    shape = of_values(compiler)
    shape.root = _node(compiler.klass_info, compiler.select)
    shape.annotations = list((compiler.annotation_col_map or {}).items())
    return shape


def converted(fields: list[Any], compiler: Any) -> list[Column]:
    columns = [Column(place) for place in range(len(fields))]
    for place, (converters, expression) in compiler.get_converters(fields).items():
        columns[place].convert = _function(converters, expression, compiler.connection)
    return columns


def _function(converters: list[Any], expression: Any, connection: Any) -> Callable[[Any], Any]:
    known = quick(converters, expression, connection)
    if known is not None:
        return known
    if len(converters) == 1:
        (only,) = converters
        return lambda value: only(value, expression, connection)

    def convert(value: Any) -> Any:
        for each in converters:
            value = each(value, expression, connection)
        return value

    return convert


def _node(info: Any, select: Any) -> Node:
    model = info["model"]
    places = {select[place][0].target.attname: place for place in info["select_fields"]}
    names = [f.attname for f in model._meta.concrete_fields if f.attname in places]
    _sound.check(model, names)
    node = Node(model, [(name, places[name]) for name in names])
    if "local_setter" in info:
        node.local_setter, node.remote_setter = info["local_setter"], info["remote_setter"]
        node.key = places[model._meta.pk_fields[0].attname]
    node.children = [_node(each, select) for each in info.get("related_klass_infos", ())]
    return node
