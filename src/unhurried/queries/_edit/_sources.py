"""Whether the rows of a loop come from one line alone: what is written there exists on no others.

The page that is tried out goes by one branch; a verified diff must not break the others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, Final

from ._chains import call_name

Parents = dict[ast.AST, ast.AST]

MOST: Final = 100  # steps from a loop to the line
#: What hands on the rows of its first argument.
PASSES: Final = frozenset("list tuple sorted reversed enumerate iter Paginator".split())
#: What adds other rows to them.
COMBINES: Final = frozenset("union intersection difference".split())
GROWS: Final = frozenset("append extend insert".split())
#: What is answered without a template.
ANSWERS: Final = ("redirect", "HttpResponse", "JsonResponse")
SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Module)
FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS: Final = (ast.For, ast.AsyncFor)
COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def is_from(node: ast.AST | None, made: ast.Call, known: Parents) -> bool:
    """Whether an expression has the rows of the call ``made``, on whatever way it is reached."""
    for _ in range(MOST):  # names may stand for each other
        if node is None or node is made:
            break
        node = _value(node, known) if isinstance(node, ast.Name) else _inner(node)
    return node is made


def _inner(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.Subscript | ast.Await | ast.NamedExpr):
        return node.value
    if isinstance(node, ast.Attribute):
        return node.value if node.attr == "object_list" else None
    if not isinstance(node, ast.Call) or call_name(node) in COMBINES:
        return None
    if call_name(node) in PASSES:
        return node.args[0] if node.args else None
    return node.func.value if isinstance(node.func, ast.Attribute) else None


def _value(name: ast.Name, known: Parents) -> ast.expr | None:
    """What a name stands for where it is read; None where that may be several things."""
    at: ast.AST = name
    while not isinstance(outer := known[at], SCOPES):
        if isinstance(outer, COMPREHENSIONS):
            for generator in outer.generators:
                if generator is not at and _binds(generator.target, name.id):
                    return _iterated(generator, name.id)
        if isinstance(outer, LOOPS) and at in outer.body and _binds(outer.target, name.id):
            again = any(_binds(part, name.id) for part in outer.body)
            return None if again else _iterated(outer, name.id)
        at = outer
    return None if isinstance(outer, ast.Lambda) else _assigned_once(outer, name.id, known)


def _binds(node: ast.AST, name: str) -> bool:
    return any(
        isinstance(each, ast.Name) and each.id == name and not isinstance(each.ctx, ast.Load)
        for each in ast.walk(node)
    )


def _iterated(loop: Any, name: str) -> ast.expr | None:
    """The iterable whose items the name is."""
    target, rows = loop.target, loop.iter
    if (
        isinstance(target, ast.Tuple)
        and isinstance(rows, ast.Call)
        and call_name(rows) == "enumerate"
    ):
        target, rows = target.elts[-1], rows.args[0]
    return rows if isinstance(target, ast.Name) and target.id == name else None


def _assigned_once(scope: ast.AST, name: str, known: Parents) -> ast.expr | None:
    stores = list(_stores(scope, name, known))
    if len(stores) != 1 or _is_grown(scope, name):
        return None
    [store] = stores
    outer = known.get(store)
    if isinstance(outer, LOOPS):
        return _iterated(outer, name)
    if isinstance(outer, ast.Assign):
        return outer.value if outer.targets == [store] else None
    return outer.value if isinstance(outer, ast.AnnAssign | ast.NamedExpr) else None


def _stores(scope: ast.AST, name: str, known: Parents) -> Iterator[ast.AST]:
    """Each place that gives a meaning to a name, but for comprehensions, which have their own."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Name) and node.id == name:
            if not isinstance(node.ctx, ast.Load) and not _in_comprehension(node, known):
                yield node
        elif getattr(node, "arg", None) == name and isinstance(node, ast.arg):
            yield node
        elif getattr(node, "name", None) == name or name in (getattr(node, "names", None) or ()):
            yield node  # an exception, a capture, an inner function; global and nonlocal


def _in_comprehension(node: ast.AST, known: Parents) -> bool:
    while isinstance(node, ast.Name | ast.Tuple | ast.List | ast.Starred):
        node = known[node]
    return isinstance(node, ast.comprehension)


def _is_grown(scope: ast.AST, name: str) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in GROWS
        and isinstance(node.value, ast.Name)
        and node.value.id == name
        for node in ast.walk(scope)
    )


def is_shown_alone(made: ast.Call, known: Parents) -> bool:
    """Whether a template can be handed no other rows by the function that makes these.

    It has one way out, no name on the way there means two things, and no key of a context does.
    """
    scope = known[made]
    while not isinstance(scope, SCOPES):
        scope = known[scope]
    if isinstance(scope, FUNCTIONS) and len(list(_ways_out(scope))) > 1:
        return False
    node: ast.AST = made
    while _is_inner_of(node, known[node]):
        node = known[node]
    if not isinstance(
        known[node], ast.Return | ast.Assign | ast.AnnAssign | ast.Dict | ast.keyword
    ):
        return False
    names = _carriers(scope, made)
    kept = all(len(list(_stores(scope, n, known))) == 1 and not _is_grown(scope, n) for n in names)
    keys = [key for key, value in _keyed(scope) if _mentions(value, made, names)]
    said = [key for key, _ in _keyed(scope)]
    return kept and all(said.count(key) == 1 for key in keys)


def _is_inner_of(node: ast.AST, outer: ast.AST) -> bool:
    if isinstance(outer, ast.Attribute):
        return outer.attr not in COMBINES
    if isinstance(outer, ast.Call) and outer.func is node:
        return True
    return isinstance(outer, ast.expr) and _inner(outer) is node


def _ways_out(function: ast.AST) -> Iterator[ast.Return]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            call = node.value
            if not isinstance(call, ast.Call) or not call_name(call).startswith(ANSWERS):
                yield node


def _carriers(scope: ast.AST, made: ast.Call) -> set[str]:
    """The names that the rows are put into, and what is made of these."""
    names: set[str] = set()
    while True:
        found = {
            target.id
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign) and _mentions(node.value, made, names)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        if found <= names:
            return names
        names |= found


def _mentions(value: ast.AST, made: ast.Call, names: set[str]) -> bool:
    return any(
        node is made or (isinstance(node, ast.Name) and node.id in names)
        for node in ast.walk(value)
    )


def _keyed(scope: ast.AST) -> Iterator[tuple[Any, ast.AST]]:
    """(key, value) of what is put under a name into a context."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant):
                    yield key.value, value
        elif isinstance(node, ast.keyword) and node.arg is not None:
            yield node.arg, node.value
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                    yield target.slice.value, node.value
