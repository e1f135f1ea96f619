"""The options of a sink: a frozen dataclass, read live and strictly from ``UNHURRIED["SINKS"]``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import Field, field, fields
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, get_args, get_type_hints

from unhurried.conf import nearest, settings

T = TypeVar("T")

#: Limits that several sinks share: ports of TCP and UDP, hosts, beginnings of dotted names.
PORTS: Final = (1, 65535)
HOST: Final = {"accept": re.compile(r"\S{1,253}"), "accepted": "a host name or an address"}
TOKEN: Final = {
    "secret": True,  # no message may repeat it
    "accept": re.compile(r"[!-~]+"),
    "accepted": "printable ASCII without blanks; python -c 'import secrets; "
    "print(secrets.token_urlsafe())' makes one",
}
PREFIX: Final = {
    "accept": re.compile(r"(?:[A-Za-z0-9_\-.]|\{host\}){0,100}"),
    "accepted": "letters, digits, '_', '-', '.' and '{host}', at most 100",
}


def option(default: Any, help: str, **limits: Any) -> Any:
    """A field with one sentence of help; ``between=(low, high)`` (None: open) limits numbers."""
    return field(default=default, metadata={"help": help, **limits})


def read(name: str, cls: type[T]) -> T | None:
    """The options of the sink ``name``, or None where it is not configured, or wrongly."""
    given = settings.SINKS.get(name)
    if given is None or any(problems(name, cls, given)):
        return None
    return cls(**given)


def problems(name: str, cls: type[Any], given: object) -> Iterator[tuple[str, str]]:
    """Yield (message, hint) for each wrong option of a sink."""
    if not isinstance(given, dict):
        kind = type(given).__name__
        yield f"{where(name)} is {kind}; it must be a dict of options.", f'"{name}": {{}}'
        return
    known: dict[str, Field[Any]] = {found.name: found for found in fields(cls)}
    types = get_type_hints(cls)
    for key, value in given.items():
        if key not in known:
            close = nearest(key, known)
            hint = f"Known: {', '.join(known) or 'none, it has no options'}"
            yield f"{where(name, key)} is no option.{close}", hint
        elif wrong := _wrong(value, types[key], known[key]):
            yield f"{where(name, key)} {wrong}.", known[key].metadata["help"]


def where(*keys: object) -> str:
    """``UNHURRIED['SINKS']['statsd']['port']``, as people would have to type it."""
    return "UNHURRIED['SINKS']" + "".join(f"[{key!r}]" for key in keys)


def _wrong(value: object, wanted: Any, known: Field[Any]) -> str:
    allowed = get_args(wanted) if isinstance(wanted, UnionType) else (wanted,)
    if not _fits(value, allowed):
        names = " or ".join("None" if t is NoneType else t.__name__ for t in allowed)
        return f"is {type(value).__name__}; it must be {names}"
    low, high = known.metadata.get("between", (None, None))
    if isinstance(value, float | int) and not _within(value, low, high):
        return f"is {value!r}; it must be {_limits(low, high)}"
    accept = known.metadata.get("accept")
    if accept is not None and isinstance(value, str) and not accept.fullmatch(value):
        is_ = "can't be used" if "secret" in known.metadata else f"is {value!r}"
        return f"{is_}; it must be {known.metadata['accepted']}"
    return ""


def _fits(value: object, allowed: tuple[type, ...]) -> bool:
    """An int serves as a float; True is no number."""
    if isinstance(value, bool):
        return bool in allowed
    return isinstance(value, allowed) or (isinstance(value, int) and float in allowed)


def _within(value: float, low: float | None, high: float | None) -> bool:
    """False for NaN, too."""
    return (low is None or value >= low) and (high is None or value <= high)


def _limits(low: float | None, high: float | None) -> str:
    return f"{low} or more" if high is None else f"from {low} to {high}"
