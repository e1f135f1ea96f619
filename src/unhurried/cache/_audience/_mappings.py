"""META and the cookies, told key by key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ._watch import Watch

_FILLING: Final = {None: None}
#: Where Django has the CSRF secret, and whether a page has used it: then it goes into the cookie.
_SECRET: Final = "CSRF_COOKIE"
_USED: Final = "CSRF_COOKIE_NEEDS_UPDATE"


class ObservedDict(dict[Any, Any]):
    """Stands for a plain dict, whose class can't be changed; what is written goes through to it.

    It is a dict itself, of the same entries, for code in C that takes any dict for a plain one. It
    is never empty there: ``json`` writes an empty dict without a look at it.
    """

    __slots__ = ("_name_of", "_watch", "_whole", "source")

    def __init__(
        self, source: dict[Any, Any], watch: Watch, name_of: Callable[[object], str], whole: str
    ) -> None:
        super().__init__(source or _FILLING)
        self.source = source
        self._watch = watch
        self._name_of = name_of
        self._whole = whole

    def _see(self, key: object) -> dict[Any, Any]:
        name = self._name_of(key)
        if name:
            self._watch.see(name)
        return self.source

    def _see_all(self) -> dict[Any, Any]:
        self._watch.see(self._whole)
        return self.source

    def _see_write(self, key: object) -> dict[Any, Any]:
        """Writing tells nothing, but for the CSRF secret: a new one is made for a page to show."""
        if self._name_of(key) == "csrf":
            self._watch.see("csrf")
        return self.source

    def _follow(self, result: Any = None) -> Any:
        super().clear()
        super().update(self.source or _FILLING)
        return result

    def _secret(self, key: object) -> str:
        """Shown in the place of the reader's own, where a page for all is being made."""
        tells = self._watch.csrf if key == _SECRET else None
        return tells() if tells else ""

    # Of one key

    def __getitem__(self, key: Any) -> Any:
        source = self._see(key)
        return self._secret(key) or source[key]

    def get(self, key: Any, default: Any = None) -> Any:
        source = self._see(key)
        return self._secret(key) or source.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._see(key) or bool(self._secret(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        source = self._see_write(key)
        if key != _USED or not self._watch.csrf:  # nobody has used his own
            source[key] = value
            self._follow()

    def __delitem__(self, key: Any) -> None:
        del self._see_write(key)[key]
        self._follow()

    def setdefault(self, key: Any, default: Any = None) -> Any:
        return self._follow(self._see(key).setdefault(key, default))

    def pop(self, key: Any, *default: Any) -> Any:
        return self._follow(self._see(key).pop(key, *default))

    # Of all

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def __ior__(self, other: Any) -> ObservedDict:
        self.update(other)
        return self

    def clear(self) -> None:
        self.source.clear()
        self._follow()

    def popitem(self) -> tuple[Any, Any]:
        found: tuple[Any, Any] = self._follow(self._see_all().popitem())
        return found

    def __iter__(self) -> Any:
        return iter(self._see_all())

    def __reversed__(self) -> Any:
        return reversed(self._see_all())

    def __len__(self) -> int:
        return len(self._see_all())

    def __eq__(self, other: object) -> bool:
        return bool(self._see_all() == _unwrapped(other))

    def __ne__(self, other: object) -> bool:
        return bool(self._see_all() != _unwrapped(other))

    __hash__ = None

    def __repr__(self) -> str:
        return repr(self._see_all())

    def __or__(self, other: Any) -> Any:
        return self._see_all() | _unwrapped(other)

    def __ror__(self, other: Any) -> Any:
        return _unwrapped(other) | self._see_all()

    def keys(self) -> Any:
        return self._see_all().keys()

    def values(self) -> Any:
        return self._see_all().values()

    def items(self) -> Any:
        return self._see_all().items()

    def copy(self) -> dict[Any, Any]:
        return self._see_all().copy()

    __copy__ = copy

    def __reduce_ex__(self, protocol: Any) -> Any:
        return dict, (self.copy(),)


def _unwrapped(other: Any) -> Any:
    return other._see_all() if isinstance(other, ObservedDict) else other
