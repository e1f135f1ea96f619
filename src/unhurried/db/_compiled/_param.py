"""What a lambda is called with while its queryset is built: an argument that says where it goes.

It is an expression for Django, so that it may stand wherever a value may. Whoever looks at its
value (a comparison, a slice, arithmetic with another value, a method) is told that this argument
shapes the query: it is then given as it is, and each of its values has a statement of its own.
(What asks whether it can be iterated over or called is told no, as Django asks that too.)
"""

from __future__ import annotations

import sys
from typing import Any

from django.db.models import Expression, Model, Value

from .._errors import DbError


class ShapesError(BaseException):
    """Somebody looked at the value of this argument. No Exception: nobody is to catch it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Param(Value):
    """An argument, with the value of the call that everything is compiled for."""

    def __init__(self, name: str, value: Any) -> None:
        super().__init__(value)
        self.argument = name
        #: The queries that it was compiled in, so that an update is known by them.
        self.seen: list[Any] = []

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        self.seen.append(compiler.query)
        return "%s", [self]

    as_sqlite = as_sql

    def __repr__(self) -> str:
        return f"<the argument {self.argument}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(self.__dict__.get("value"), name):
            raise AttributeError(name)
        if isinstance(self.value, Model):
            raise DbError(
                f"compiled: the lambda reads {self.argument}.{name}, which may be another soon.",
                f"Pass it as an argument of its own, or filter by {self.argument} itself.",
            )
        raise ShapesError(self.argument)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Expression) or _asked_by_django():
            return self is other
        raise ShapesError(self.argument)

    def __bool__(self) -> bool:
        if _asked_by_django():
            return True
        raise ShapesError(self.argument)

    def __hash__(self) -> int:
        """In a set or a dict it is looked up by its value; Django keeps expressions in those."""
        if _asked_by_django("django."):
            return id(self)
        raise ShapesError(self.argument)


def _asked_by_django(where: str = "django.db.models.") -> bool:
    """It asks whether there is an expression, and compares one with "" in case this is Oracle."""
    caller: str = sys._getframe(2).f_globals.get("__name__", "")
    return caller.startswith(where)


def _looks(name: str) -> Any:
    def look(self: Param, *args: Any) -> Any:
        raise ShapesError(self.argument)

    look.__name__ = name
    return look


def _combines(name: str) -> Any:
    """With a column the database computes; with a value of Python's Python would have."""
    with_column = getattr(Value, name)

    def combine(self: Param, other: Any) -> Any:
        if hasattr(other, "resolve_expression"):
            return with_column(self, other)
        raise ShapesError(self.argument)

    combine.__name__ = name
    return combine


for _name in (
    *("__index__", "__int__", "__float__", "__str__", "__format__", "__lt__", "__le__", "__gt__"),
    *("__ge__", "__neg__", "__abs__", "__round__", "__floordiv__", "__rfloordiv__"),
):
    setattr(Param, _name, _looks(_name))
for _name in ("add", "sub", "mul", "truediv", "mod", "pow"):
    for _side in ("", "r"):
        setattr(Param, f"__{_side}{_name}__", _combines(f"__{_side}{_name}__"))
