"""The arguments of a fragment: declared by annotations, checked wherever they come from."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from .._errors import CacheError


class WrongArgument(TypeError):  # noqa: N818 - what is the case
    """An argument that is missing, unknown or of another type; it says which, and what it wants."""


#: type -> how it is read from what JSON has of it; raises ValueError.
_READ: Final[dict[type, Callable[[Any], Any]]] = {
    str: str,
    int: int,
    bool: bool,
    float: float,
    Decimal: Decimal,
    UUID: UUID,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
}
#: What JSON has of each.
_IN_JSON: Final[dict[type, tuple[type, ...]]] = {int: (int,), bool: (bool,), float: (float, int)}
_BY_PLACE: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NAMES: Final = ", ".join(kind.__name__ for kind in _READ)


@dataclass(frozen=True, slots=True)
class Argument:
    kind: type
    optional: bool
    default: Any

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


class Arguments:
    """Of one fragment's function, after its request."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name = name
        self.known = _declared(name, function)

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All of them, in their order, defaults included; ``WrongArgument`` names a wrong one."""
        unknown = given.keys() - self.known.keys()
        if unknown:
            there = ", ".join(self.known) or "none"
            raise WrongArgument(f"{self.name} has no argument {min(unknown)!r}; it has {there}.")
        return {name: self._value(name, given) for name in self.known}

    def _value(self, name: str, given: Mapping[str, Any]) -> Any:
        argument = self.known[name]
        value = given.get(name, argument.default)
        if value is inspect.Parameter.empty:
            raise WrongArgument(f"{self.name} wants {name}, a {argument.kind.__name__}.")
        if value is None and (argument.optional or argument.default is None):
            return None
        value = _plain(value)
        if type(value) is argument.kind or (argument.kind is float and type(value) is int):
            return float(value) if type(value) is int and argument.kind is float else value
        raise WrongArgument(
            f"{self.name}: {name}={value!r} is a {type(value).__name__}, "
            f"not a {argument.kind.__name__}."
        )

    def dumped(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """As JSON has them; those that are as by default are left out."""
        changed = {name: value for name, value in values.items() if value != self._default(name)}
        return {name: _in_json(value) for name, value in changed.items()}

    def loaded(self, given: Any) -> dict[str, Any]:
        """Back from JSON; ``WrongArgument`` for what ``dumped`` has not made."""
        if not isinstance(given, dict):
            raise WrongArgument(f"{self.name}: arguments are no object.")
        return self.checked({name: self._read(name, value) for name, value in given.items()})

    def _default(self, name: str) -> Any:
        return self.known[name].default

    def _read(self, name: str, value: Any) -> Any:
        argument = self.known.get(name)
        if argument is None or value is None:
            return value
        if type(value) not in _IN_JSON.get(argument.kind, (str,)):
            return value  # the check will say what it is
        try:
            return _READ[argument.kind](value)
        except (ValueError, ArithmeticError):
            raise WrongArgument(
                f"{self.name}: {name}={value!r} is no {argument.kind.__name__}."
            ) from None


def _plain(value: Any) -> Any:
    """A str that is safe, a member of TextChoices: what they are in the end."""
    if isinstance(value, str) and type(value) is not str:
        return str.__str__(value)[:]
    if isinstance(value, int) and type(value) not in (int, bool):
        return int(value)
    return value


def _in_json(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _declared(name: str, function: Callable[..., Any]) -> dict[str, Argument]:
    found = list(inspect.signature(function).parameters.values())
    if not found or found[0].kind not in _BY_PLACE:
        raise CacheError(
            f"fragment {name}: its function takes no request.", "def hello(request): …"
        )
    hints = get_type_hints(function)
    return {each.name: _argument(name, each, hints.get(each.name)) for each in found[1:]}


def _argument(name: str, parameter: inspect.Parameter, hint: Any) -> Argument:
    kinds = [hint]
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [each for each in get_args(hint) if each is not type(None)]
    if parameter.kind in (
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
        parameter.POSITIONAL_ONLY,
    ):
        raise CacheError(
            f"fragment {name}: {parameter} can't be told in an address.",
            "Name each argument, with its type: size: int = 32.",
        )
    if len(kinds) != 1 or kinds[0] not in _READ:
        raise CacheError(
            f"fragment {name}: the argument {parameter.name} has no type that an address can hold.",
            f"It may be one of {_NAMES}, or None besides: {parameter.name}: int.",
        )
    return Argument(kinds[0], hint is not kinds[0], parameter.default)
