"""What a type is to a database: the plain classes it comes down to, and whether it may be None."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, is_dataclass
from decimal import Decimal
from enum import Enum
from inspect import isclass
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NewType,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)
from uuid import UUID

from django.db.models import Model

#: What one value may be.
VALUES: Final = frozenset(
    {int, str, float, bool, Decimal, bytes, memoryview, UUID, dict, list, Any, object}
    | {datetime.datetime, datetime.date, datetime.time, datetime.timedelta}
)


@dataclass(frozen=True, slots=True)
class Meant:
    """A type, taken apart.

    ``plain``: the classes a value may be of, without None; ``enum`` the one Enum among them,
    ``inner`` what a list holds.
    """

    plain: tuple[Any, ...]
    is_optional: bool
    enum: type[Enum] | None = None
    inner: Any = None

    @property
    def only(self) -> Any:
        """The one class, or None."""
        return self.plain[0] if len(self.plain) == 1 else None

    @property
    def is_json(self) -> bool:
        return str not in self.plain and (dict in self.plain or list in self.plain)


def meant(annotation: Any) -> Meant:
    members = list(_members(annotation))
    plain = [each for each in members if each is not NoneType]
    enums = [each for each in plain if isclass(each) and issubclass(each, Enum)]
    inner = next((get_args(each)[0] for each in plain if get_origin(each) is list), None)
    return Meant(
        tuple(dict.fromkeys(_plain(each) for each in plain)),
        len(plain) < len(members) or Any in plain or object in plain,
        enums[0] if len(enums) == len(plain) == 1 else None,
        inner,
    )


def _members(annotation: Any) -> Any:
    """Of a union each; through Annotated, NewType, ``type X = …`` and Literal."""
    origin = get_origin(annotation)
    if origin is Union or origin is UnionType:
        for each in get_args(annotation):
            yield from _members(each)
    elif origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin is Literal:
        yield from {type(each) for each in get_args(annotation)}
    elif isinstance(annotation, NewType):
        yield from _members(annotation.__supertype__)
    elif type(annotation).__name__ == "TypeAliasType":
        yield from _members(annotation.__value__)
    else:
        yield NoneType if annotation is None else annotation


def _plain(member: Any) -> Any:
    """``dict[str, int]`` and a TypedDict are a dict, an Enum of texts is a text."""
    if is_typeddict(member):
        return dict
    origin = get_origin(member)
    if origin is not None:
        return origin
    if isclass(member) and issubclass(member, Enum):
        return next((each for each in (str, int) if issubclass(member, each)), member)
    return member


def is_row(kind: Any) -> bool:
    """A dataclass, a NamedTuple or a msgspec Struct."""
    if not isclass(kind):
        return False
    return is_dataclass(kind) or hasattr(kind, "_fields") or hasattr(kind, "__struct_fields__")


def is_model(kind: Any) -> bool:
    return isclass(kind) and issubclass(kind, Model)


def is_value(asked: Meant) -> bool:
    return bool(asked.plain) and (
        asked.enum is not None or all(each in VALUES for each in asked.plain)
    )


def hints_of(kind: type) -> dict[str, Any]:
    """The annotations of a row class. Raises NameError where one can't be read."""
    return get_type_hints(kind)
