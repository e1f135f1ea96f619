"""Readable keys of arguments: ``username:jacob``. Two different calls never share one."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import Manager, Model, QuerySet
from django.http import HttpRequest

#: A str that can be nothing else goes as it is; any other is quoted, as JSON quotes it.
_PLAIN: Final = re.compile(r"(?![\d.+-])[\w.@/+-]+")
_WORDS: Final = frozenset({"true", "false", "null", "nan", "inf", "infinity"})
_NAMED: Final = (datetime, date, time, timedelta, Decimal, UUID)


def key_of(name: str, values: tuple[Any, ...]) -> str:
    """``name:arg:arg``; TypeError for what has no value of its own to be found by again."""
    return ":".join((name, *(_part(name, value) for value in values)))


def _part(name: str, value: object) -> str:
    if type(value) is str:
        if _PLAIN.fullmatch(value) and value.isascii() and value.lower() not in _WORDS:
            return value
        return json.dumps(value)
    if type(value) is int:
        return str(value)
    if value is None or type(value) in (bool, float):
        return json.dumps(value)
    if type(value) in (list, tuple):
        inner = ",".join(_part(name, each) for each in value)  # type: ignore[attr-defined]
        return f"[{inner}]" if type(value) is list else f"({inner})"
    if type(value) is dict:
        return _mapping(name, value)
    if type(value) in _NAMED:
        return f"{type(value).__name__}({json.dumps(str(value))})"
    if isinstance(value, str | int):  # SafeString, members of TextChoices and IntegerChoices
        plain = str.__str__(value) if isinstance(value, str) else int(value)
        return f"{type(value).__name__}({json.dumps(plain)})"
    raise TypeError(_refusal(name, value))


def _mapping(name: str, value: dict[Any, Any]) -> str:
    if not all(type(key) is str for key in value):
        raise TypeError(f"{name}: a dict as argument has str keys only, not {value!r}.")
    inner = (f"{json.dumps(key)}={_part(name, value[key])}" for key in sorted(value))
    return "{" + ",".join(inner) + "}"


def _refusal(name: str, value: object) -> str:
    kind = type(value).__name__
    if isinstance(value, Model):
        low = kind.lower()
        return (
            f"{name}: a {kind} is what may change, no argument; pass {low}.pk and load it inside."
        )
    if isinstance(value, QuerySet | Manager):
        return (
            f"{name}: a {kind} is a question, no argument; ask it inside, and pass what it needs."
        )
    if isinstance(value, HttpRequest):
        return f"{name}: a request is as personal as it gets; pass the values that are needed."
    return (
        f"{name}: {kind} can't be part of a key; pass str, int, float, bool, None, dates, Decimal, "
        "UUID, or lists, tuples and dicts of them."
    )
