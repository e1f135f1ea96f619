"""What a middleware has put on the user, or changed there: a second factor, who impersonates whom.

It is of one session or one request, where the user as such is the same in all of them.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db.models import Model
from django.utils.functional import LazyObject, empty
from django.utils.safestring import SafeString

from ._swap import held_by

#: Their text is their value. Not times: those are set anew for each request, and decide nothing.
_PLAIN: Final = frozenset({bool, int, str, SafeString, bytes, type(None), UUID})
_LISTS: Final = frozenset({list, tuple, set, frozenset})


def bare(value: Any) -> Any:
    """Behind all that is lazy, as far as it was evaluated; None where it was not."""
    while issubclass(type(value), LazyObject):
        value = held_by(value)["_wrapped"]
        if value is empty:
            return None
    return value


def put_on(user: Any) -> set[str]:
    """The attributes of a user that its class has no word of, so somebody has put them there."""
    found = bare(user)
    kind = type(found)
    return {name for name in _held(found) if name[:1] != "_" and not hasattr(kind, name)}


def state_of(user: Any) -> dict[str, str]:
    """Whatever lies in the user, fields as well, in words; not what can't be put into any."""
    found = bare(user)
    told = {name: _told(value, found) for name, value in _held(found).items()}
    return {name: text for name, text in told.items() if text}


def _held(user: Any) -> dict[str, Any]:
    return getattr(user, "__dict__", {})


def _told(value: Any, user: Any) -> str:
    if type(value) in _PLAIN:
        return f"{type(value).__name__} {value!r}"
    if type(value) in _LISTS:
        return _all_told(value)
    value = bare(value)
    if value is user:
        return "itself"
    if isinstance(value, Model):
        return "" if value.pk is None else f"{value._meta.label} {value.pk!r}"
    return _called(value, user) if type(value) is partial else ""


def _all_told(values: Any) -> str:
    if any(type(each) not in _PLAIN for each in values):
        return ""
    texts = [f"{type(each).__name__} {each!r}" for each in values]
    ordered = isinstance(values, (list, tuple))
    return f"{type(values).__name__} {texts if ordered else sorted(texts)}"


def _called(value: Any, user: Any) -> str:
    """A function of a module, with what it is given, can say no more than that."""
    function = value.func
    if value.keywords or getattr(function, "__closure__", ()) is not None:
        return ""
    arguments = [_told(each, user) for each in value.args]
    return f"{function.__module__}.{function.__qualname__}{arguments}" if all(arguments) else ""
