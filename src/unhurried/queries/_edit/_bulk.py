"""Saving or creating row by row, written as one statement after a loop of the plain shape.

Bulk writes call no ``save()`` and send no signals, so only models without either are touched.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db.models import JSONField

from .._find._groups import Group
from .._find._saving import has_own_save, is_listened_to
from ._chains import call_of, is_plain, module_of, parents, resolve, where
from ._edits import Edit, NoEditError, Text


def writes(group: Group) -> list[Edit]:
    """``save()`` or ``create()`` in a loop: one statement after it, where the loop is plain."""
    assert group.loop is not None
    text, call = call_of(group.loop)
    tree = text.tree()
    known = parents(tree)
    call = next(n for n in ast.walk(tree) if isinstance(n, ast.Call) and where(n) == where(call))
    statement, loop = known.get(call), None
    if isinstance(statement, ast.Expr):
        loop = known.get(statement)
    if not isinstance(loop, ast.For) or loop.body[-1] is not statement or _leaves(loop):
        raise NoEditError(
            f"the loop at {group.loop.label} is not of the plain shape for bulk writes"
        )
    _plain_model(group.model)
    if group.verb == "save":
        return _bulk_update(text, loop, call, group.model)
    if group.verb == "create":
        return _bulk_create(text, loop, call, group.model)
    raise NoEditError(f"{group.verb}() in a loop has no mechanical edit")


def _leaves(loop: ast.For) -> bool:
    ways = ast.Break | ast.Continue | ast.Return | ast.Yield | ast.Try | ast.With
    return bool(loop.orelse) or any(isinstance(node, ways) for node in ast.walk(loop))


def _plain_model(model: Any) -> None:
    """Bulk writes call no save() and send no signals."""
    if model is None:
        raise NoEditError("the model that is written is not known")
    now = [f.name for f in model._meta.fields if getattr(f, "auto_now", False)]
    if has_own_save(model) or model._meta.parents or now:
        raise NoEditError(f"{model.__name__} has a save() of its own, parents or auto_now")
    if is_listened_to(model):
        raise NoEditError(f"signals listen to the saving of {model.__name__}")


def _bulk_update(text: Text, loop: ast.For, call: ast.Call, model: Any) -> list[Edit]:
    module = module_of(text.file)
    name = loop.target.id if isinstance(loop.target, ast.Name) else ""
    saved = call.func.value if isinstance(call.func, ast.Attribute) else None
    if not isinstance(saved, ast.Name) or saved.id != name or call.args or call.keywords:
        raise NoEditError("what is saved is not the row of the loop")
    fields = list(dict.fromkeys(_assigned(loop, name, model)))
    known = {field.name for field in model._meta.concrete_fields}
    if not fields or not set(fields) <= known or len(loop.body) < 2:
        raise NoEditError("which fields change is not written in the loop")
    said = ", ".join(f'"{field}"' for field in fields)
    if not is_plain(getattr(model, "objects", None)):
        raise NoEditError(f"{model.__name__}.objects leaves out rows, or there is none")
    written = _written(text, module, model)
    indent, rows, line = _indent(text, loop), f"{name}s_to_save", text.newline()
    start, end = text.start_of(loop), text.end_of(loop.body[-2])
    return [
        text.insert(start, f"{rows} = list({text.of(loop.iter)}){line}{indent}"),
        text.replace(loop.iter, rows),
        Edit(text.file, end, text.end_of(loop.body[-1]),
             f"{line}{indent}{written}.objects.bulk_update({rows}, [{said}])"),
    ]  # fmt: skip


def _bulk_create(text: Text, loop: ast.For, call: ast.Call, model: Any) -> list[Edit]:
    manager = call.func.value if isinstance(call.func, ast.Attribute) else None
    module = module_of(text.file)
    if not isinstance(manager, ast.Attribute) or resolve(manager.value, module) is not model:
        raise NoEditError("what creates the rows is not the model's own manager")
    rows, indent, line = f"{model.__name__.lower()}s_to_create", _indent(text, loop), text.newline()
    arguments = text.text[text.end_of(call.func) : text.end_of(call)]
    new = f"{rows}.append({text.of(manager.value)}{arguments})"
    end = f"{line}{indent}{text.of(manager)}.bulk_create({rows})"
    return [
        text.insert(text.start_of(loop), f"{rows} = []{line}{indent}"),
        text.replace(call, new + end),
    ]


def _assigned(loop: ast.For, name: str, model: Any) -> Iterator[str]:
    """The fields that the loop sets; refuses where the row is used in any way that may set more."""
    known = parents(loop)
    saved = loop.body[-1]
    read: list[str] = []
    for node in (node for part in loop.body if part is not saved for node in ast.walk(part)):
        if not isinstance(node, ast.Name) or node.id != name:
            continue
        attribute = known[node]
        if not isinstance(attribute, ast.Attribute) or not isinstance(node.ctx, ast.Load):
            raise NoEditError(f"{name} itself is handed on in the loop, and may be changed there")
        if isinstance(attribute.ctx, ast.Load) and not _is_called(attribute, known):
            read.append(attribute.attr)
        elif _is_set_alone(attribute, known):
            yield attribute.attr
        else:
            raise NoEditError(f"{ast.unparse(known[attribute])[:60]} may change more of {name}")
    odd = sorted(set(read) - _plain_fields(model))
    if odd:
        raise NoEditError(f"{name}.{odd[0]} is no plain field, and may change more of {name}")


def _is_called(attribute: ast.Attribute, known: dict[ast.AST, ast.AST]) -> bool:
    outer = known[attribute]
    return isinstance(outer, ast.Call) and outer.func is attribute


def _is_set_alone(node: ast.Attribute, known: dict[ast.AST, ast.AST]) -> bool:
    """``row.year = 1`` or ``row.year += 1``, and not in a tuple."""
    outer = known[node]
    if isinstance(outer, ast.Assign):
        return outer.targets == [node]
    return isinstance(outer, ast.AugAssign) and outer.target is node


def _plain_fields(model: Any) -> set[str]:
    """Whose values can't be changed in place, as lists can, and whose reading runs no code."""
    plain = {"pk"}
    for field in model._meta.concrete_fields:
        if not isinstance(field, JSONField) and not hasattr(field, "base_field"):
            plain |= {field.name, field.attname}
    return plain


def _written(text: Text, module: Any, model: Any) -> str:
    if module is not None and vars(module).get(model.__name__) is model:
        return str(model.__name__)
    raise NoEditError(f"{Path(text.file).name} does not know {model.__name__} by its name")


def _indent(text: Text, node: ast.stmt) -> str:
    head = text.text[text.starts[node.lineno - 1] : text.start_of(node)]
    if not re.fullmatch(r"[ \t]*", head):
        raise NoEditError("the loop does not stand on a line of its own")
    return head
