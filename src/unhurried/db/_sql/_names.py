"""What an annotation of a header means: names are looked up where the manager is defined.

Not before the first call, so that row classes and models may stand below the manager.
"""

from __future__ import annotations

import ast
import builtins
import datetime
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from types import ModuleType
from typing import Any, Final
from uuid import UUID

from unhurried.conf import nearest

from ._file import Place
from ._head import Said

#: Known without an import.
KNOWN: Final[Mapping[str, Any]] = {
    **{name: getattr(datetime, name) for name in ("date", "datetime", "time", "timedelta")},
    "Decimal": Decimal,
    "UUID": UUID,
    "Any": Any,
    "Iterator": Iterator,
}
NOTHING: Final = object()


class Names:
    """The names that a class can see: its own, its module's, those in ``KNOWN``, Python's."""

    def __init__(self, cls: type, module: ModuleType | None) -> None:
        self.cls, self.module = cls, module

    def meant_by(self, annotation: Said, place: Place) -> Any:
        """Raises DbError, with the line."""
        try:
            return self._value(annotation.node)
        except NameError as error:
            raise place.wrong(
                f"nobody knows what {error.name} is.{nearest(str(error.name), self._all())}",
                f"Define or import it in {self.cls.__module__}.",
            ) from error
        except (AttributeError, TypeError) as error:
            raise place.wrong(f"{annotation} is no type: {error}.", "Name one.") from error

    def _value(self, node: ast.expr) -> Any:
        read = _READERS.get(type(node))
        if read is None:
            raise TypeError(f"{ast.unparse(node)} is more than a name")
        return read(self, node)

    def _name(self, node: ast.Name, *, module_too: bool = False) -> Any:
        for known in (vars(self.cls), vars(self.module or object), KNOWN, vars(builtins)):
            found = known.get(node.id, NOTHING)
            if found is not NOTHING and (module_too or not isinstance(found, ModuleType)):
                return found
        raise NameError(name=node.id)

    def _attribute(self, node: ast.Attribute) -> Any:
        inner = node.value
        is_name = isinstance(inner, ast.Name)
        owner = self._name(inner, module_too=True) if is_name else self._value(inner)  # type: ignore[arg-type]
        return getattr(owner, node.attr)

    def _subscript(self, node: ast.Subscript) -> Any:
        return self._value(node.value)[self._value(node.slice)]

    def _union(self, node: ast.BinOp) -> Any:
        if not isinstance(node.op, ast.BitOr):
            raise TypeError("only | joins types")
        return self._value(node.left) | self._value(node.right)

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _tuple(self, node: ast.Tuple) -> Any:
        return tuple(self._value(each) for each in node.elts)

    def _all(self) -> list[str]:
        own = [*vars(self.cls), *vars(self.module or object), *KNOWN, *vars(builtins)]
        return [name for name in own if not name.startswith("_")]


_READERS: Final[dict[type[ast.expr], Callable[[Names, Any], Any]]] = {
    ast.Name: Names._name,
    ast.Attribute: Names._attribute,
    ast.Subscript: Names._subscript,
    ast.BinOp: Names._union,
    ast.Constant: Names._constant,
    ast.Tuple: Names._tuple,
}
