"""Values that can be compared and hashed without running anybody's code.

What a parameter or a primary key is, is the project's affair: its ``__eq__`` and ``__hash__`` may
ask the database, be slow, or raise. Those of the types here are C.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, Final
from uuid import UUID

PLAIN: Final = frozenset(
    (int, str, bytes, bool, float, UUID, Decimal, date, datetime, time, timedelta)
)
#: What parameters are derived from: SafeString, the members of TextChoices and IntegerChoices.
_BASES: Final = (str, int, float, bytes)
#: Equal to an int, or with a hash that two of them share: told by their text.
_TOLD: Final = frozenset((bool, float, Decimal, timedelta))
_AS_THEY_ARE: Final = PLAIN - _TOLD
_MINUS_ONE: Final = (int, "-1")  # whose hash is that of -2
_unknown: Final = count()


def digest(params: Any) -> int:
    """Tells parameters apart; what we may not look into is never the same (an id may come back)."""
    return hash(_hashable(params))


def _hashable(value: Any) -> Hashable:
    kind = type(value)
    if kind is int:
        return value if value != -1 else _MINUS_ONE
    if kind in _AS_THEY_ARE or value is None:
        return value  # type: ignore[no-any-return]
    if kind in _TOLD:
        return kind, str(value)
    if kind is tuple or kind is list:
        return tuple(map(_hashable, value))
    if kind is dict:
        return tuple((key, _hashable(each)) for key, each in value.items())
    if kind in (bytearray, memoryview):
        return bytes(value)
    for base in _BASES:
        if issubclass(kind, base):
            return _hashable(base.__getnewargs__(value)[0])
    return next(_unknown), "unknown"
