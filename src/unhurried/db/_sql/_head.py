"""A statement's header: ``inventory(shop: int, limit: int = 20) -> list[InventoryRow]``."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import Any, Final, Literal

from ._file import EXAMPLE, Place, Written

Shape = Literal["one", "list", "iterator", "rowcount"]
SHAPES: Final[dict[str, Shape]] = {"list": "list", "List": "list", "Iterator": "iterator"}
_EITHER: Final = Parameter.POSITIONAL_OR_KEYWORD
_KINDS: Final = "list[Row], Row, Row | None, Iterator[Row], a type of one value, or rowcount"


class Said(str):
    """An annotation as it is written; help() shows it without quotes."""

    __slots__ = ("node",)
    node: ast.expr

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True)
class Head:
    """What a header says.

    ``signature`` begins with ``self``; its annotations are ``Said``. ``item`` is what a row
    becomes; None of a rowcount. ``doc``: the comments below.
    """

    name: str
    signature: Signature
    shape: Shape
    item: Said | None
    doc: str

    @property
    def parameters(self) -> list[Parameter]:
        """All but ``self``."""
        return list(self.signature.parameters.values())[1:]


def head_of(written: Written) -> Head:
    """Raises DbError, with the line."""
    function, used = _function(written)
    shape, item = _result(written.place, function.returns)
    returns = said(function.returns) if function.returns else Signature.empty
    first = Parameter.POSITIONAL_ONLY if function.args.posonlyargs else _EITHER
    mine = [Parameter("self", first)]
    try:
        signature = Signature(
            [*mine, *_parameters(written.place, function.args)], return_annotation=returns
        )
    except ValueError as error:
        raise written.place.wrong(f"{error}.", f"As in {EXAMPLE}") from error
    doc = "\n".join(written.comments[used:]).strip()
    return Head(function.name, signature, shape, item, doc)


def said(node: ast.expr) -> Said:
    text = Said(ast.unparse(node))
    text.node = node
    return text


def _function(written: Written) -> tuple[ast.FunctionDef, int]:
    """As Python reads it, and how many of the comments are its rest."""
    first: SyntaxError | None = None
    for used in range(len(written.comments) + 1):
        text = " ".join([written.head, *written.comments[:used]])
        try:
            found = _parsed(text)
        except SyntaxError as error:
            first = first or error
            continue
        if found is not None:
            return found, used
        break
    why = f": {first.msg}" if first else ""
    raise written.place.wrong(
        f"{written.head!r} is no name with parameters and a result{why}.", f"As in {EXAMPLE}"
    )


def _parsed(text: str) -> ast.FunctionDef | None:
    """None where more is said than a signature."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        body = ast.parse(f"def {text}:\n    ...").body
    function = body[0]
    if len(body) != 1 or not isinstance(function, ast.FunctionDef) or len(function.body) != 1:
        return None
    inner = function.body[0]
    is_plain = isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Constant)
    return None if not is_plain or getattr(function, "type_params", None) else function


def _parameters(place: Place, given: ast.arguments) -> Iterator[Parameter]:
    if given.vararg or given.kwarg:
        raise place.wrong("* and ** take what nobody binds.", "Name each parameter.")
    plain = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(plain) - len(given.defaults)) + list(given.defaults)
    for at, (arg, default) in enumerate(zip(plain, defaults, strict=True)):
        only = at < len(given.posonlyargs)
        kind = Parameter.POSITIONAL_ONLY if only else _EITHER
        yield _parameter(place, arg, default, kind)
    for arg, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield _parameter(place, arg, default, Parameter.KEYWORD_ONLY)


def _parameter(place: Place, arg: ast.arg, default: ast.expr | None, kind: Any) -> Parameter:
    if arg.annotation is None:
        raise place.wrong(f"{arg.arg} has no type.", f"Say {arg.arg}: int, or what it is.")
    if not arg.arg.isascii():
        raise place.wrong(f"the name {arg.arg!r} is not ASCII.", "Drivers know no other.")
    value = Parameter.empty if default is None else _default(place, arg.arg, default)
    return Parameter(arg.arg, kind, default=value, annotation=said(arg.annotation))


def _default(place: Place, name: str, node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError) as error:
        raise place.wrong(
            f"the default of {name}, {ast.unparse(node)}, is no literal.",
            "Write a number, a text, True, False or None.",
        ) from error


def _result(place: Place, node: ast.expr | None) -> tuple[Shape, Said | None]:
    if node is None:
        raise place.wrong("it does not say what comes of it.", f"-> {_KINDS}.")
    if isinstance(node, ast.Name) and node.id == "rowcount":
        return "rowcount", None
    shape = _shape(node)
    if shape is not None and isinstance(node, ast.Subscript):
        return shape, said(node.slice)
    if shape is not None or (isinstance(node, ast.Constant) and node.value is None):
        raise place.wrong(f"-> {ast.unparse(node)} says nothing of rows.", f"-> {_KINDS}.")
    if any(_shape(each) for each in _members(node)):
        raise place.wrong(
            f"-> {ast.unparse(node)}: where no rows are found, the list is empty.", f"-> {_KINDS}."
        )
    return "one", said(node)


def _shape(node: ast.expr) -> Shape | None:
    inner = node.value if isinstance(node, ast.Subscript) else node
    return SHAPES.get(getattr(inner, "attr", getattr(inner, "id", "")))


def _members(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp):
        yield from _members(node.left)
        yield from _members(node.right)
    else:
        yield node
