"""The expression that makes a queryset, found in its source by the columns of the call."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cached_property
from types import ModuleType
from typing import Any, Final

from django.db import models
from django.db.models.manager import BaseManager

from .._find._sites import Site
from ._edits import NoEditError, Text

#: Methods that yield a queryset of the same rows' kind: what follows them may be written after.
YIELDS: Final = frozenset(
    "all filter exclude complex_filter annotate alias order_by distinct extra reverse defer only"
    " using select_related prefetch_related select_for_update get_queryset".split()
)
#: Methods that end a chain: what is to be added stands before them.
ENDS: Final = frozenset(
    "get first last earliest latest in_bulk iterator get_or_create update_or_create aget afirst"
    " alast aearliest alatest ain_bulk aiterator aget_or_create aupdate_or_create".split()
)
SHORTCUTS: Final = frozenset(
    "get_object_or_404 get_list_or_404 aget_object_or_404 aget_list_or_404".split()
)


class Chain:
    """``made`` is the call that yields the fresh queryset, ``links`` it and those that follow.

    Of ``get_object_or_404(Pin, pk=1)`` the queryset is ``subject``, its first argument.
    """

    def __init__(self, text: Text, tree: ast.Module, made: ast.Call, model: type) -> None:
        self.text = text
        self.tree = tree
        self.made = made
        self.model: Any = model
        self.parents = parents(tree)

    @property
    def method(self) -> str:
        function = self.made.func
        return function.attr if isinstance(function, ast.Attribute) else ""

    @property
    def is_shortcut(self) -> bool:
        return call_name(self.made) in SHORTCUTS

    @cached_property
    def links(self) -> list[ast.Call]:
        """Calls of the chain from the first inwards one on: ``Pin.objects.only("a").filter()``."""
        node: ast.expr = self.made.args[0] if self.is_shortcut and self.made.args else self.made
        return [*_inward(node), *([] if self.is_shortcut else self._outward())]

    def _outward(self) -> Iterator[ast.Call]:
        node: ast.AST = self.made
        while True:
            attribute = self.parents.get(node)
            call = self.parents.get(attribute) if attribute else None
            is_link = isinstance(attribute, ast.Attribute) and attribute.value is node
            if not is_link or not isinstance(call, ast.Call) or call.func is not attribute:
                return
            yield call
            node = call

    def calls(self, name: str) -> list[ast.Call]:
        """The links that call the method of this name."""
        return [
            link
            for link in self.links
            if isinstance(link.func, ast.Attribute) and link.func.attr == name
        ]

    @cached_property
    def function(self) -> ast.AST | None:
        """The innermost function around it."""
        return enclosing(self.made, self.parents)

    @cached_property
    def quote(self) -> str:
        """The quotation marks this file likes."""
        source = self.text.text
        return "'" if source.count("'") > source.count('"') else '"'

    def quoted(self, name: str) -> str:
        return f"{self.quote}{name}{self.quote}"

    @cached_property
    def module(self) -> ModuleType | None:
        return module_of(self.text.file)


def call_name(call: ast.Call) -> str:
    """``f`` of ``f()`` and of ``x.f()``."""
    function = call.func
    return str(getattr(function, "id", None) or getattr(function, "attr", ""))


def _inward(node: ast.expr) -> list[ast.Call]:
    found: list[ast.Call] = []
    while isinstance(node, ast.Call):
        found.append(node)
        node = node.func.value if isinstance(node.func, ast.Attribute) else node.func
    return found[::-1]


def parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def enclosing(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> ast.AST | None:
    at = parents.get(node)
    while at is not None and not isinstance(at, ast.FunctionDef | ast.AsyncFunctionDef):
        at = parents.get(at)
    return at


def module_of(file: str) -> ModuleType | None:
    """The module that was loaded from a file."""
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) == file:
            return module
    return None


def chain(site: Site, model: type) -> Chain:
    """The chain at a site, if what stands there is a queryset of the model for certain."""
    if site.is_template:
        raise NoEditError(f"the rows are asked for in a template, {site.label}")
    text = Text(site.file)
    tree = text.tree()
    found = Chain(text, tree, call_at(tree, site), model)
    _check(found)
    return found


def call_at(tree: ast.Module, site: Site) -> ast.Call:
    """No two calls end at the same place; where one begins depends on the version of Python."""
    if site.span is None:
        raise NoEditError(f"{site.label} has no columns: Python runs without debug ranges")
    ends = site.span[2:]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (node.end_lineno, node.end_col_offset) == ends:
            return node
    raise NoEditError(f"{site.label} is no call that yields a queryset")


def _check(found: Chain) -> None:
    """What stands there yields a queryset of this model, or there is no edit."""
    if found.is_shortcut:
        return
    label = ast.unparse(found.made)[:60]
    if not isinstance(found.made.func, ast.Attribute):
        raise NoEditError(f"the queryset is made inside of {label}")
    base = resolve(found.made.func.value, found.module)
    if isinstance(base, BaseManager):
        if base.model is not None and not _same(base.model, found.model):
            raise NoEditError(f"{label} is no queryset of {found.model.__name__}")
    elif base is not None and not isinstance(base, models.QuerySet):
        raise NoEditError(f"the queryset is made inside of {label}")
    if found.method not in YIELDS | ENDS and not _is_managers(found.model, found.method):
        raise NoEditError(f"the queryset is made inside of {label}")


def _same(one: Any, other: Any) -> bool:
    return bool(one._meta.concrete_model is other._meta.concrete_model) or issubclass(other, one)


def _is_managers(model: Any, method: str) -> bool:
    return any(hasattr(manager, method) for manager in model._meta.managers)


def is_plain(manager: Any) -> bool:
    """Whether it leaves out no row, as one does that hides what was deleted."""
    if not isinstance(manager, BaseManager) or manager.model is None:
        return False
    query = manager.get_queryset().query
    return not query.where and not query.is_sliced and not query.distinct


def resolve(node: ast.expr, module: ModuleType | None) -> Any:
    """What a dotted name means in its module, read without running anything; None if unknown."""
    if isinstance(node, ast.Name):
        return vars(module).get(node.id) if module is not None else None
    if not isinstance(node, ast.Attribute):
        return None
    owner = resolve(node.value, module)
    if isinstance(owner, ModuleType):
        return vars(owner).get(node.attr)
    if isinstance(owner, type) and issubclass(owner, models.Model):
        return owner._meta.managers_map.get(node.attr)
    return None


def call_of(site: Site) -> tuple[Text, ast.Call]:
    if site.is_template:
        raise NoEditError(f"{site.label} is in a template")
    text = Text(site.file)
    return text, call_at(text.tree(), site)


def scope_of(tree: ast.Module, line: int) -> ast.AST:
    """The innermost function around a line, or the module."""
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    around = [f for f in functions if f.lineno <= line <= (f.end_lineno or f.lineno)]
    return max(around, key=lambda f: f.lineno, default=tree)


def awaited(text: Text, call: ast.Call) -> ast.expr:
    """The call, with the ``await`` before it."""
    for node in ast.walk(text.tree()):
        if isinstance(node, ast.Await) and where(node.value) == where(call):
            return node
    return call


def is_named(node: Any, name: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == name


def where(node: ast.AST) -> tuple[Any, ...]:
    return type(node), *(getattr(node, name, None) for name in _WHERE)


_WHERE: Final = ("lineno", "col_offset", "end_lineno", "end_col_offset")
