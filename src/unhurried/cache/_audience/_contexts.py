"""What the context of a template has of its visitor, from before the block began.

Context processors have run by then. A lazy user is watched wherever it has got to; a plain one, and
the permissions made of it, can't be, so something that can stands in for them meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.contrib.auth.context_processors import PermWrapper
from django.http import HttpRequest
from django.template import Context
from django.utils.functional import LazyObject

from ._inputs import Lazy
from ._put_on import bare
from ._requests import standing_in
from ._swap import held_by, swap, watch_of
from ._watch import Watch, silence

#: Where Django has the user of a request.
_USERS: Final = ("user", "_cached_user", "_acached_user")
#: These are dicts, and the request gives out what is watched in their place.
_DICTS: Final = ("COOKIES", "META")


@contextmanager
def visitor_in(context: Context, request: Any) -> Iterator[None]:
    """Within ``observing``: a look at the visitor by way of the context is one, too."""
    inner = getattr(request, "_request", request)
    if not isinstance(inner, HttpRequest):
        yield
        return
    put: list[tuple[dict[Any, Any], str, Any, Any]] = []
    finder = _Finder(inner, context)
    for layer in (each for each in context.dicts if isinstance(each, dict)):
        for name, value in [*layer.items()]:
            other = finder.watched(value)
            if other is not value:
                layer[name] = other
                put.append((layer, name, value, other))
    try:
        yield
    finally:
        for layer, name, value, other in put:
            if layer.get(name) is other:
                layer[name] = value


class _Finder:
    """Knows the visitor by what the request holds, and by what ``auth`` has said."""

    def __init__(self, request: HttpRequest, context: Context) -> None:
        self._watch: Watch = watch_of(request)
        held = held_by(request)
        users = [bare(held[name]) for name in _USERS if name in held]
        said = _given(context).get("user")
        if said is not None and not issubclass(type(said), LazyObject):
            users.append(said)  # of who has none, it is nobody's
        self._users = {id(each): each for each in users if each is not None}
        with silence():
            self._dicts = {id(held[n]): getattr(request, n) for n in _DICTS if n in held}

    def watched(self, value: Any) -> Any:
        """What is to stand there in the place of a value: as a rule itself."""
        if issubclass(type(value), PermWrapper):
            return self._permissions(value)
        if issubclass(type(value), LazyObject):
            if id(bare(value)) in self._users:
                swap(value, Lazy, self._watch, "user")
            return value
        if id(value) in self._users:
            return standing_in(self._watch, f"user {id(value)}", value)
        return self._dicts.get(id(value), value)

    def _permissions(self, value: PermWrapper) -> PermWrapper:
        user = value.user
        if issubclass(type(user), LazyObject) and bare(user) is None:
            swap(user, Lazy, self._watch, "user")  # nobody can tell yet whose they are
        watched = self.watched(user)
        if watched is user:
            return value
        twin = type(value).__new__(type(value))
        twin.__dict__.update({**vars(value), "user": watched})
        return twin


def _given(context: Context) -> Mapping[str, Any]:
    """What the context processors have said."""
    index = getattr(context, "_processors_index", None)
    return {} if index is None else context.dicts[index]
