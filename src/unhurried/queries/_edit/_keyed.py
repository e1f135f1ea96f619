"""What is got by a key in a loop is read from the row instead, which is as good for any row."""

from __future__ import annotations

import ast
from typing import Any

from django.db.models import Model

from .._find._groups import Group
from ._chains import (
    SHORTCUTS,
    awaited,
    call_name,
    call_of,
    is_named,
    is_plain,
    module_of,
    resolve,
    scope_of,
)
from ._edits import Edit, NoEditError, Text


def keyed(group: Group, name: str) -> list[Edit]:
    """``Author.objects.get(pk=book.author_id)`` becomes ``book.author``: right for any book."""
    assert group.loop is not None
    text, call = call_of(group.loop)
    _gets_plainly(group, call, text, name)
    for value in (*(keyword.value for keyword in call.keywords), *call.args[1:]):
        if isinstance(value, ast.Attribute) and value.attr == "_".join((name, "id")):
            return [text.replace(awaited(text, call), f"{text.of(value.value)}.{name}")]
    raise NoEditError(f"{group.loop.label} does not say whose {name} it gets")


def _gets_plainly(group: Group, call: ast.Call, text: Text, name: str) -> None:
    """No lock, no filter and no ``defer()`` is lost, and there is a row to get."""
    is_shortcut = call_name(call) in SHORTCUTS and call.args
    subject: Any = call.args[0] if is_shortcut else getattr(call.func, "value", None)
    means = resolve(subject, module_of(text.file)) if subject is not None else None
    if is_shortcut and isinstance(means, type) and issubclass(means, Model):
        means = means._default_manager
    if not is_plain(means):
        raise NoEditError(f"{ast.unparse(call)[:60]} says more than which row it gets")
    model: Any = group.read.row[0] if group.read.row else None
    if model is None or model._meta.get_field(name).null:
        raise NoEditError(f"{name} may be None, where {ast.unparse(call)[:60]} raises an error")


def reversed_key(group: Group, name: str) -> list[Edit]:
    """``Book.objects.filter(author=author)`` becomes ``author.book_set.all()``, as good for any."""
    assert group.loop is not None
    if group.loop.is_template or not name.isidentifier():
        raise NoEditError(f"{group.loop.label} does not say whose rows it asks for")
    text = Text(group.loop.file)
    tree = text.tree()
    found = []
    for node in ast.walk(scope_of(tree, group.loop.line)):
        is_filter = isinstance(node, ast.Call) and is_named(node.func, "filter")
        if is_filter and not node.args and len(node.keywords) == 1:  # type: ignore[attr-defined]
            manager, value = node.func.value, node.keywords[0].value  # type: ignore[attr-defined]
            means = resolve(manager, module_of(text.file))
            if _is_default(means, group.model) and isinstance(value, ast.Name):
                found.append((node, value.id))
    if len(found) != 1:
        raise NoEditError(f"{group.loop.label} does not say whose rows it asks for")
    call: Any = found[0][0]
    return [text.replace(call, f"{found[0][1]}.{name}.all()")]


def _is_default(manager: Any, model: Any) -> bool:
    """Whether it is the manager that related ones are made of."""
    of = getattr(manager, "model", None)
    return of is not None and of is model and manager.name == model._default_manager.name
