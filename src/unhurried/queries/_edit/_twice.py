"""Remedies of two places: a call where the rows come from, and an attribute in the loop.

What the loop then reads exists only on rows that come from that one line. So the loop must be in
the same function, or in a template that no other page shows; else there is no mechanical edit.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, Final

from django.db.models import Model

from .._find._groups import Group
from .._find._origin import Origin
from .._find._relations import Relation
from .._find._sites import Site
from . import _templates
from ._chains import (
    awaited,
    call_at,
    call_of,
    enclosing,
    is_named,
    is_plain,
    module_of,
    parents,
    scope_of,
    where,
)
from ._eager_calls import Change
from ._edits import Edit, NoEditError, Text
from ._sources import is_from, is_shown_alone

DB_MODELS: Final = "django.db.models"
FILTERS: Final = frozenset("all filter exclude order_by distinct reverse select_related".split())
COUNTS: Final = ("count", "exists")
LISTED: Final = frozenset("list tuple set len sorted enumerate".split())


def related(group: Group, origin: Origin, named: Relation) -> tuple[Change, list[Edit]]:
    """Count, exists or a filter of a related set: asked once, where the rows come from."""
    assert group.loop is not None
    assert origin.site is not None
    if origin.site.is_template:
        raise NoEditError(f"the rows are asked for in a template, {origin.site.label}")
    if group.method in COUNTS:
        return _counted(group, origin, named)
    if group.method not in (None, "iterator"):
        raise NoEditError(f"{group.method}() of {named.attribute} has no mechanical edit")
    return _filtered(group, origin, named)


def _counted(group: Group, origin: Origin, named: Relation) -> tuple[Change, list[Edit]]:
    change, name = _annotation(group, origin, named)
    assert group.loop is not None
    asks = f"{named.attribute}.{group.method}"
    if group.loop.is_template:
        _shown_alone(origin.site)
        return change, _templates.renamed(group.loop, group.through, asks, name)
    text, call = call_of(group.loop)
    subject = _subject(call, named.attribute, group.method or "")
    _from_one_line(text, subject, origin.site)
    return change, [text.replace(awaited(text, call), f"{text.of(subject)}.{name}")]


def _subject(call: ast.Call, attribute: str, method: str) -> ast.expr:
    """``pin`` of ``pin.likes.count()``, where nothing narrows it down."""
    node: Any = call.func
    plain = not call.args and not call.keywords and isinstance(node, ast.Attribute)
    if plain and node.attr.removeprefix("a") == method.removeprefix("a"):
        node = node.value
        if isinstance(node, ast.Call) and not node.args and is_named(node.func, "all"):
            node = node.func.value  # type: ignore[attr-defined]
        if is_named(node, attribute):
            return node.value  # type: ignore[no-any-return]
    raise NoEditError(f"{ast.unparse(call)[:60]} is not all of {attribute}")


def _annotation(group: Group, origin: Origin, named: Relation) -> tuple[Change, str]:
    module = module_of(origin.site.file) if origin.site else None
    target, asked = _related_query(origin.model, named.attribute)
    if group.method == "count":
        if not is_plain(target._default_manager):
            raise NoEditError(f"{named.attribute} leaves out rows that Count() would count")
        if origin.locked:
            raise NoEditError("rows that are counted for can't be locked by the same query")
        name = _free(origin.model, "_".join((named.attribute, "count")))
        count, needed = _known(module, "Count")
        source = f'{name}={count}("{asked}", distinct=True)'
        return Change("annotate", name, source, needed), name
    name = _free(origin.model, f"has_{named.attribute}")
    exists, one = _known(module, "Exists")
    outer, two = _known(module, "OuterRef")
    model, three = _known_model(module, target)
    condition = f'{_back(origin.model, named.attribute)}={outer}("pk")'
    source = f"{name}={exists}({model}.objects.filter({condition}))"
    return Change("annotate", name, source, (*one, *two, *three)), name


def _related_query(model: Any, attribute: str) -> tuple[Any, str]:
    """(the related model, the name that a lookup has for the relation)."""
    for field in model._meta.get_fields(include_hidden=True):
        accessor = getattr(field, "get_accessor_name", None)
        if field.name == attribute and field.is_relation and not field.auto_created:
            return field.related_model, field.name
        if accessor is not None and accessor() == attribute:
            return field.related_model, field.name
    raise NoEditError(f"{attribute} is no relation that can be counted")


def _back(model: Any, attribute: str) -> str:
    """The lookup from the related model to this one."""
    for field in model._meta.get_fields(include_hidden=True):
        accessor = getattr(field, "get_accessor_name", None)
        if accessor is not None and accessor() == attribute:
            return str(field.field.name)
        if field.name == attribute and field.many_to_many and not field.auto_created:
            return str(field.related_query_name())
    raise NoEditError(f"{attribute} is no relation that can be asked for")


def _free(model: type[Model], name: str) -> str:
    """A name the model does not have yet."""
    while hasattr(model, name) or any(f.name == name for f in model._meta.get_fields()):
        name += "_"
    return name


def _known(module: Any, name: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """How a module says ``Count``, and what it must import for that."""
    names = vars(module) if module is not None else {}
    if name not in names and getattr(names.get("models"), "__name__", "") == DB_MODELS:
        return f"models.{name}", ()
    return name, ((DB_MODELS, name),)


def _known_model(module: Any, model: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    if model._default_manager.name != "objects":
        raise NoEditError(f"{model.__name__} has a manager of another name than objects")
    known = vars(module).get(model.__name__) if module is not None else None
    if known is not None and known is not model:
        raise NoEditError(f"{model.__name__} means something else there")
    return model.__name__, ((model.__module__, model.__name__),)


def _from_one_line(text: Text, subject: ast.expr, site: Site | None) -> None:
    """The rows of the loop come from the line to change, and from no other caller's or branch."""
    assert site is not None
    tree = text.tree()
    known = parents(tree)
    here = next(n for n in ast.walk(tree) if where(n) == where(subject))
    there = call_at(tree, site) if site.file == text.file else None
    if there is None or enclosing(here, known) is not enclosing(there, known):
        raise NoEditError("the loop is in another function, which may be handed other rows as well")
    if not is_from(here, there, known):
        raise NoEditError(
            f"{ast.unparse(subject)} may come from other rows than {site.label} makes"
        )


def _shown_alone(site: Site | None) -> None:
    """The same of a template, which gets its rows from the function that makes them."""
    assert site is not None
    tree = Text(site.file).tree()
    if not is_shown_alone(call_at(tree, site), parents(tree)):
        raise NoEditError(f"the template may be handed other rows than {site.label} makes")


def _filtered(group: Group, origin: Origin, named: Relation) -> tuple[Change, list[Edit]]:
    """``author.book_set.filter(year=2004)`` becomes a list that was prefetched."""
    assert group.loop is not None
    if group.loop.is_template:
        raise NoEditError(f"{group.loop.label} is in a template, its conditions are elsewhere")
    text = Text(group.loop.file)
    tree = text.tree()
    call = _only(list(_filters(tree, group.loop.line, named.attribute)), named.attribute)
    _consumed(tree, call)
    _from_one_line(text, _base(call), origin.site)
    subject, calls = _taken_apart(call, text)
    module = module_of(origin.site.file) if origin.site else None
    target, _ = _related_query(origin.model, named.attribute)
    name = _free(origin.model, f"found_{named.attribute}")
    prefetch, one = _known(module, "Prefetch")
    model, two = _known_model(module, target)
    path = f'"{named.attribute}"'
    source = f'{prefetch}({path}, queryset={model}.objects{calls}, to_attr="{name}")'
    change = Change("prefetch_related", named.attribute, source, (*one, *two))
    return change, [text.replace(call, f"{subject}.{name}")]


def _filters(tree: ast.Module, line: int, attribute: str) -> Iterator[ast.Call]:
    """Chains like ``x.book_set.filter(…)`` in the function the line is in, each whole."""
    known = parents(tree)
    for node in ast.walk(scope_of(tree, line)):
        if not isinstance(node, ast.Call) or not _reaches(node, attribute):
            continue
        outer = known.get(node)
        called = known.get(outer) if isinstance(outer, ast.Attribute) else None
        if not (isinstance(called, ast.Call) and called.func is outer):
            yield node


def _consumed(tree: ast.Module, call: ast.Call) -> None:
    """It is gone through where it stands: what is kept may be asked for what no list can."""
    outer: Any = parents(tree)[call]
    looped = isinstance(outer, ast.For | ast.comprehension) and outer.iter is call
    taken = isinstance(outer, ast.Subscript) and outer.value is call
    handed = isinstance(outer, ast.Call) and call in outer.args and _name(outer.func) in LISTED
    if not (looped and not getattr(outer, "is_async", 0)) and not taken and not handed:
        raise NoEditError(f"{ast.unparse(call)[:60]} is kept as a queryset")


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _base(call: ast.Call) -> ast.expr:
    """``author`` of ``author.book_set.filter(…)``."""
    node: Any = call
    while isinstance(node, ast.Call):
        node = node.func.value  # type: ignore[attr-defined]
    return node.value  # type: ignore[no-any-return]


def _reaches(node: Any, attribute: str) -> bool:
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return isinstance(node, ast.Attribute) and node.attr == attribute


def _only(calls: list[ast.Call], attribute: str) -> ast.Call:
    if len(calls) != 1:
        raise NoEditError(f"{attribute} is narrowed down at {len(calls)} places of that function")
    return calls[0]


def _taken_apart(call: ast.Call, text: Text) -> tuple[str, str]:
    """(``author``, ``.filter(year=2004)``), where all that is said is said with literals."""
    parts: list[str] = []
    node: Any = call
    while isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Attribute)
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        if node.func.attr not in FILTERS or not all(map(_is_literal, values)):
            raise NoEditError(f"{ast.unparse(call)[:60]} says more than literals can")
        arguments = [*map(ast.unparse, node.args), *map(_keyword, node.keywords)]
        if node.func.attr != "all":
            parts.insert(0, f".{node.func.attr}({', '.join(arguments)})")
        node = node.func.value
    return text.of(node.value), "".join(parts)


def _keyword(keyword: ast.keyword) -> str:
    return f"{keyword.arg}={ast.unparse(keyword.value)}"


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return False
    return True
