"""What the names in a header are: types of parameters, and what a call gives."""

from __future__ import annotations

import ast
import datetime
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import ModuleType
from typing import Any, Final, Literal
from uuid import UUID

from django.apps import apps
from django.db.models import Model

from unhurried.conf import nearest

from .._errors import DbError
from .._kinds import names_of
from ._file import Statement

#: What may be named without being imported.
KNOWN: Final[dict[str, Any]] = {
    **{each.__name__: each for each in (int, str, float, bool, bytes, dict, list, object, UUID)},
    **{each.__name__: each for each in (Decimal, datetime.datetime, datetime.date)},
    **{each.__name__: each for each in (datetime.time, datetime.timedelta)},
    "Any": object,
    "Iterator": Iterator,
    "None": None,
    "rowcount": "rowcount",
}
SCALARS: Final = (int, str, float, bool, bytes, dict, list, object, UUID, Decimal)
MOMENTS: Final = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta)
Shape = Literal["list", "one", "maybe", "iterator", "rowcount"]


@dataclass(frozen=True, slots=True)
class Result:
    """What a call gives: ``shape`` of ``item``; of a scalar, ``nullable`` if None is a value."""

    shape: Shape
    item: Any = None
    nullable: bool = False

    @property
    def is_model(self) -> bool:
        return isinstance(self.item, type) and issubclass(self.item, Model)

    @property
    def is_row(self) -> bool:
        return not self.is_model and self.item is not None and names_of(self.item) is not None


class Names:
    """Names of the module that defines a manager, looked up when they are asked for."""

    def __init__(self, module: str, statement: Statement) -> None:
        self.module, self.statement = module, statement

    def find(self, name: str) -> Any:
        there = vars(sys.modules[self.module])
        for known in (there, KNOWN, _models()):
            if name in known:
                return known[name]
        raise DbError(
            f"{self.statement.where}: nobody knows {name}.{nearest(name, {**KNOWN, **there})}",
            f"Define or import it in {self.module}.",
        )

    def wrong(self, node: ast.expr) -> DbError:
        return DbError(
            f"{self.statement.where}: {ast.unparse(node)} is no type that is known here.",
            "A class, X | None, list[X], Iterator[X], or rowcount.",
        )


def _models() -> Mapping[str, Any]:
    """Models by name, for managers that are defined above theirs."""
    return {each.__name__: each for each in apps.get_models()} if apps.models_ready else {}


def result_of(names: Names) -> Result:
    node = names.statement.returns
    item, nullable = _without_none(node, names)
    if isinstance(item, ast.Subscript):
        return _many(item, names)
    found = _type(item, names)
    if found == "rowcount":
        return Result("rowcount")
    _check(found, item, names)
    return Result("maybe" if nullable else "one", found, nullable)


def _many(node: ast.Subscript, names: Names) -> Result:
    outer = _type(node.value, names)
    item, nullable = _without_none(node.slice, names)
    found = _type(item, names)
    _check(found, item, names)
    if outer is list:
        return Result("list", found, nullable)
    if outer in (Iterator, AsyncIterator):
        return Result("iterator", found, nullable)
    raise names.wrong(node)


def _check(found: Any, node: ast.expr, names: Names) -> None:
    known = isinstance(found, type) and (
        found in (*SCALARS, *MOMENTS) or issubclass(found, Model) or names_of(found) is not None
    )
    if not known:
        raise names.wrong(node)


def _without_none(node: ast.expr, names: Names) -> tuple[ast.expr, bool]:
    """``X | None``: X, and that it may be None."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = [node.left, node.right]
        rest = [each for each in sides if not _is_none(each)]
        if len(rest) != 1:
            raise names.wrong(node)
        return rest[0], True
    return node, False


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _type(node: ast.expr, names: Names) -> Any:
    if isinstance(node, ast.Name):
        found = names.find(node.id)
        # "datetime" is a class here, whatever the module has imported by that name
        return KNOWN.get(node.id, found) if isinstance(found, ModuleType) else found
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        found = getattr(names.find(node.value.id), node.attr, None)
        if found is not None:
            return found
    raise names.wrong(node)


def parameter_type(name: str, names: Names) -> tuple[Any, bool]:
    """(type, whether it may be None); of ``list[int]`` the list."""
    node, nullable = _without_none(names.statement.annotations[name], names)
    if isinstance(node, ast.Subscript):
        node = node.value
    return _type(node, names), nullable
