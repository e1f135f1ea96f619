"""A ``.sql`` file: headers, and the statements below them.

::

    -- name: inventory(shop: int, since: date, most: int = 20) -> list[InventoryRow]
    -- What a shop has had since a day.
    SELECT title, stock FROM books_book WHERE shop_id = :shop AND published >= :since LIMIT :most
"""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unhurried.conf import nearest

from .._errors import DbError
from ._tokens import UnclosedError, for_django

_HEADER: Final = re.compile(r"^[ \t]*--[ \t]*name:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_COMMENT: Final = re.compile(r"\s*--[ \t]?(.*)(?:\n|\Z)")
EXAMPLE: Final = "-- name: inventory(shop: int) -> list[InventoryRow]"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; ``sql`` has ``%(name)s`` where ``text`` has ``:name``.

    ``where`` is the file and the line of its header; ``first`` the line of the file on which
    ``text`` begins.
    """

    name: str
    signature: inspect.Signature
    annotations: dict[str, ast.expr]
    returns: ast.expr
    doc: str
    text: str
    sql: str
    file: str
    line: int
    first: int

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"

    def line_of(self, position: int) -> int:
        """The line of the file that has this character of ``text``."""
        return self.first + self.text.count("\n", 0, position)


def read(path: Path, shown: str) -> list[Statement]:
    """The statements of a file. DbError names file and line of what is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DbError(
            f"{shown} can't be read: {error}.", "Its path begins at the manager's module."
        ) from error
    headers = list(_HEADER.finditer(text))
    if not headers:
        raise DbError(f"{shown} has no statement.", f"Each begins with a line: {EXAMPLE}")
    before = for_django(text[: headers[0].start()])[0]
    if re.sub(r"--[^\n]*", "", before).strip():
        raise DbError(f"{shown}:1: SQL before the first header.", f"Put one above it: {EXAMPLE}")
    ends = [*(each.start() for each in headers[1:]), len(text)]
    found = [_statement(text, each, end, shown) for each, end in zip(headers, ends, strict=True)]
    for place, each in enumerate(found):
        if each.name in {other.name for other in found[:place]}:
            raise DbError(f"{each.where}: {each.name} is there already.", "Give it another name.")
    return found


def _statement(text: str, header: re.Match[str], end: int, shown: str) -> Statement:
    line = text.count("\n", 0, header.start()) + 1
    where = f"{shown}:{line}"
    node = _parsed(header[1], where)
    start = header.end() + 1
    doc: list[str] = []
    while comment := _COMMENT.match(text, start, end):
        doc.append(comment[1].rstrip())
        start = comment.end()
    start += len(text[start:end]) - len(text[start:end].lstrip())
    body = text[start:end].rstrip().removesuffix(";").rstrip()
    if not body:
        raise DbError(f"{where}: {node.name} has no SQL.", "Write it below its header.")
    first = text.count("\n", 0, start) + 1
    try:
        sql, names = for_django(body)
    except UnclosedError as error:
        at = first + body.count("\n", 0, error.position)
        raise DbError(
            f"{shown}:{at}: {body[error.position]!r} does not end.", "Close it."
        ) from error
    signature, annotations = _signature(node, where)
    _check_names(names, signature, body, first, shown, where)
    assert node.returns is not None
    return Statement(
        node.name, signature, annotations, node.returns, "\n".join(doc).strip(), body, sql, shown,
        line, first,
    )  # fmt: skip


def _parsed(header: str, where: str) -> ast.FunctionDef:
    """A header is what stands between ``def`` and the colon."""
    try:
        (node,) = ast.parse(f"def {header}: ...").body
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            return node
    except (SyntaxError, ValueError):
        pass
    raise DbError(f"{where}: {header!r} is no header.", f"Write it like this: {EXAMPLE}")


def _signature(node: ast.FunctionDef, where: str) -> tuple[inspect.Signature, dict[str, ast.expr]]:
    arguments = node.args
    if arguments.vararg or arguments.kwarg:
        raise DbError(f"{where}: * in a header has no name to be found by.", "Name each parameter.")
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[Any] = [inspect.Parameter.empty] * (len(plain) - len(arguments.defaults))
    defaults += [_literal(each, where) for each in arguments.defaults]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(each.arg, kind, default=default)
        for each, default in zip(plain, defaults, strict=True)
    ]
    for each, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        default = inspect.Parameter.empty if value is None else _literal(value, where)
        parameters.append(
            inspect.Parameter(each.arg, inspect.Parameter.KEYWORD_ONLY, default=default)
        )
    every = [*plain, *arguments.kwonlyargs]
    without = [each.arg for each in every if each.annotation is None]
    if without:
        raise DbError(f"{where}: {without[0]} has no type.", f"Write it: {without[0]}: int")
    annotations = {each.arg: each.annotation for each in every if each.annotation is not None}
    return inspect.Signature(parameters), annotations


def _literal(node: ast.expr, where: str) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        raise DbError(
            f"{where}: the default {ast.unparse(node)} is no plain value.",
            "A number, a text, None, True or False.",
        ) from error


def _check_names(
    names: list[tuple[str, int]],
    signature: inspect.Signature,
    body: str,
    first: int,
    shown: str,
    where: str,
) -> None:
    known = signature.parameters
    for name, position in names:
        if name not in known:
            at = first + body.count("\n", 0, position)
            raise DbError(
                f"{shown}:{at}: there is no parameter {name!r}.{nearest(name, known)}",
                "Name it in the header, with its type.",
            )
    for name in known:
        if name not in {each for each, _ in names}:
            raise DbError(f"{where}: {name} is not in the SQL.", f"Use it as :{name}.")
