"""Values as bytes and back: JSON, or what the function declares."""

from __future__ import annotations

import json
from typing import Any, Protocol

from .._errors import CacheError


class Serializer(Protocol):
    """``dumps(value) -> bytes`` and ``loads(bytes) -> value``, as Django's cache back ends have."""

    def dumps(self, obj: Any) -> bytes: ...

    def loads(self, data: bytes) -> Any: ...


class JSON:
    """None included; tuples come back as lists; keys of dicts are str."""

    def dumps(self, obj: Any) -> bytes:
        return json.dumps(obj, separators=(",", ":"), default=_refuse).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


def _refuse(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} is no JSON")


def dumped(name: str, serializer: Serializer, value: Any) -> bytes:
    try:
        return serializer.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise CacheError(
            f"{name} returned {type(value).__name__}, which can't be kept: {error}.",
            "Return str, numbers, None, lists and dicts of them, or declare a serializer: "
            "cached(…, serializer=…) with dumps and loads.",
        ) from error
