"""Imports that an edit needs, written below those that are there."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from ._chains import Chain
from ._edits import Edit, NoEditError


def imports(chain: Chain, wanted: Iterable[tuple[str, str]]) -> list[Edit]:
    """``from module import name`` for what the file does not know yet."""
    found = []
    for module, name in wanted:
        if chain.module is None or name not in vars(chain.module):
            line = f"from {module} import {name}{chain.text.newline()}"
            found.append(chain.text.insert(_after_imports(chain), line))
    return found


def _after_imports(chain: Chain) -> int:
    """Below the last import of the head of the file."""
    last: ast.stmt | None = None
    for node in chain.tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            last = node
        elif last is not None or not _is_docstring(node):
            break
    if last is None:
        raise NoEditError("the file has no imports to add one to")
    return chain.text.starts[last.end_lineno or last.lineno]


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
