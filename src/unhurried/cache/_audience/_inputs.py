"""The mixins: of headers, the session, messages, and whatever is lazy."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.template.base import Variable
from django.utils.functional import empty
from django.utils.safestring import SafeString

from ._names import of_header
from ._put_on import put_on
from ._readers import nearest
from ._swap import Watched, base, name_of, watch_of
from ._watch import silence

_LOOKUP: Final = vars(Variable)["_resolve_lookup"].__code__
#: Values that tell themselves and lead to nothing else.
_SCALARS: Final = (bool, int, float, str, SafeString, bytes, type(None), Decimal, date)


class Headers(Watched):
    """Of ``HttpHeaders``. A look by name is at that header, any other at all of them."""

    def __getitem__(self, key: str) -> Any:
        return self._look(of_header(key), "__getitem__", key)

    def __contains__(self, key: object) -> bool:
        return bool(self._look(of_header(key), "__contains__", key))

    def get(self, key: str, default: Any = None) -> Any:
        return self._look(of_header(key), "get", key, default)

    def __getattribute__(self, name: str) -> Any:
        if name == "_store" or name == "__dict__":
            watch_of(self).see("headers")
        return base(self).__getattribute__(name)

    def __copy__(self) -> Any:
        return self._look("headers", "copy")


class Session(Watched):
    """Of a session's store. A look by key is at that key, any other at the whole session."""

    def __getattribute__(self, name: str) -> Any:
        if name not in _BY_KEY and (name == "__dict__" or not name.startswith("__")):
            watch_of(self).see("session")
        return base(self).__getattribute__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        watch_of(self).see("session")
        base(self).__setattr__(name, value)

    def __getitem__(self, key: Any) -> Any:
        return self._look(f"session:{key}", "__getitem__", key)

    def __contains__(self, key: object) -> bool:
        return bool(self._look(f"session:{key}", "__contains__", key))

    def get(self, key: Any, default: Any = None) -> Any:
        return self._look(f"session:{key}", "get", key, default)

    def has_key(self, key: Any) -> Any:
        return self._look(f"session:{key}", "has_key", key)

    async def aget(self, key: Any, default: Any = None) -> Any:
        watch_of(self).see(f"session:{key}")
        with silence():
            return await base(self).aget(key, default)

    async def ahas_key(self, key: Any) -> Any:
        watch_of(self).see(f"session:{key}")
        with silence():
            return await base(self).ahas_key(key)


_BY_KEY: Final = frozenset({"get", "aget", "has_key", "ahas_key", "_look"})


class Whole(Watched):
    """Of the messages' storage, where any look is a look at all: one takes them from it."""

    def __getattribute__(self, name: str) -> Any:
        if name == "__dict__" or not name.startswith("__"):
            watch_of(self).see(name_of(self))
            with silence():
                return base(self).__getattribute__(name)
        return base(self).__getattribute__(name)


class Lazy:
    """Of a ``LazyObject``. To hold it is no look; to evaluate it is one, and so is any later use.

    Attributes that are plain values are told by name (``user:is_staff``): who has declared that the
    page tells staff from others has not declared that it greets them.
    """

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """Templates ask whether a value is a context before they look at it."""
        held = self.__dict__
        if held["_wrapped"] is empty:
            self._evaluate()
        reader = nearest(sys._getframe(1))
        if reader is None or reader.f_code is not _LOOKUP:
            watch_of(self).see(name_of(self))
        return held["_wrapped"].__class__

    @property
    def _wrapped(self) -> Any:
        value = self.__dict__["_wrapped"]
        if value is not empty:
            watch_of(self).see(name_of(self))
        return value

    def _setup(self) -> None:
        watch_of(self).see(name_of(self))
        self._evaluate()

    def _evaluate(self) -> None:
        if not name_of(self).startswith("attr:"):
            with silence():  # the user comes from the session, but only the user is looked at
                base(self)._setup()
            if name_of(self) == "user":
                watch_of(self).foreigners(f"user.{name}" for name in put_on(self))
        else:
            base(self)._setup()

    def __setattr__(self, name: str, value: Any) -> None:
        base(self).__setattr__(name, value)
        watch_of(self).set(f"{name_of(self)}.{name}")

    def __getattr__(self, name: str) -> Any:
        held, whole = self.__dict__, name_of(self)
        if held["_wrapped"] is empty:
            self._evaluate()
        seen = whole
        try:
            value = getattr(held["_wrapped"], name)
            if whole == "user" and isinstance(value, _SCALARS):
                seen = f"user:{name}"
            return value
        finally:
            watch_of(self).see(seen)
            if whole == "user":  # which proves nothing of what a middleware has put there
                watch_of(self).see(f"attr:user.{name}", f"user.{name}")

    def __getitem__(self, key: Any) -> Any:
        """Templates try this before the attribute; a user has none, and nothing has been told."""
        held = self.__dict__
        if held["_wrapped"] is empty:
            self._evaluate()
        if hasattr(type(held["_wrapped"]), "__getitem__"):
            watch_of(self).see(name_of(self))
        return held["_wrapped"][key]

    def __copy__(self) -> Any:
        watch_of(self).see(name_of(self))
        return base(self).__copy__()

    def __deepcopy__(self, memo: Any) -> Any:
        watch_of(self).see(name_of(self))
        return base(self).__deepcopy__(memo)
