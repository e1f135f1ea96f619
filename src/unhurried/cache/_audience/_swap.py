"""An object is watched by changing its class for a while: whoever holds it, holds what is watched.

A proxy would be seen only by those who fetch it from the request; a middleware has often put the
user, the session or the request itself where a view finds it without.
"""

from __future__ import annotations

from typing import Any, Final

from ._watch import WATCH, Watch, silence

#: Not ``thing.__class__ = …``: a lazy object would answer for what it stands for.
_CLASS: Final = object.__dict__["__class__"]
_NOBODY: Final = Watch(wary=False)
_NOT_METHODS: Final = frozenset({"__dict__", "__doc__", "__module__", "__slots__", "__weakref__"})
_classes: dict[tuple[type, type], type] = {}
_made: set[type] = set()


def swap(thing: Any, mixin: type, watch: Watch, name: str = "") -> bool:
    """Watch ``thing`` with the methods of ``mixin``; False if it can't be done, or is taken."""
    try:
        held = held_by(thing)
    except AttributeError:
        return False
    before: Watch | None = held.get(WATCH, (None, ""))[0]
    if before is watch:
        return True
    if before is not None and before.observations:
        return False  # reached by another request that is being observed, too
    return _change(thing, mixin, watch, name)


def _change(thing: Any, mixin: type, watch: Watch, name: str) -> bool:
    original = type(thing)
    if original not in _made:
        try:
            _CLASS.__set__(thing, _class(original, mixin))
        except TypeError:  # made in C, or with slots
            return False
    held_by(thing)[WATCH] = watch, name
    watch.swapped.append((thing, original))
    return True


def restore(watch: Watch) -> None:
    for thing, original in watch.swapped:
        held_by(thing).pop(WATCH, None)
        _CLASS.__set__(thing, original)
    watch.swapped.clear()


def _class(original: type, mixin: type) -> type:
    """A subclass of the class alone, with the methods copied in.

    A second base would change the layout of its objects, and no object could become one.
    """
    found = _classes.get((original, mixin))
    if found is None:
        names = {"__slots__": (), "__module__": original.__module__, "__doc__": original.__doc__}
        kind: Any = type(original)
        found = kind(original.__name__, (original,), {**_methods(mixin), **names})
        found.__qualname__ = original.__qualname__
        _classes[original, mixin] = found
        _made.add(found)
    return found


def _methods(mixin: type) -> dict[str, Any]:
    methods: dict[str, Any] = {}
    for part in reversed(mixin.__mro__[:-1]):
        methods |= {name: each for name, each in vars(part).items() if name not in _NOT_METHODS}
    return methods


def held_by(thing: Any) -> dict[str, Any]:
    """The attributes of a thing, unseen."""
    return object.__getattribute__(thing, "__dict__")  # type: ignore[no-any-return]


def watch_of(thing: Any) -> Watch:
    """Who watches a thing that has attributes; nobody, if it is not being watched."""
    found: Watch = held_by(thing).get(WATCH, (_NOBODY, ""))[0]
    return found


def is_watched(thing: Any, watch: Watch) -> bool:
    """Whether ``thing`` tells this watch of each look at it."""
    try:
        return watch_of(thing) is watch
    except AttributeError:  # it has no attributes
        return False


def name_of(thing: Any) -> str:
    found: str = held_by(thing).get(WATCH, (_NOBODY, ""))[1]
    return found


def base(thing: Any) -> Any:
    """``super()`` in the methods of a mixin, which are not called as its own."""
    return super(type(thing), thing)


def plain(thing: Any) -> Any:
    """A shallow copy as if nobody had been watching: for pickles, which name a class."""
    kind: Any = type(thing).__bases__[0]
    twin = kind.__new__(kind)
    twin.__dict__.update(held_by(thing))
    twin.__dict__.pop(WATCH, None)
    return twin


class Watched:
    """What all mixins have. None is ever a base: a made class has their methods as its own."""

    @property
    def __class__(self) -> Any:
        return type(self).__bases__[0]

    @__class__.setter
    def __class__(self, kind: type) -> None:
        _CLASS.__set__(self, kind)

    def _look(self, name: str, method: str, *args: Any) -> Any:
        """Note the look, and do what the class does; how it does it is no look of its own."""
        watch_of(self).see(name)
        with silence():
            return getattr(base(self), method)(*args)

    def __reduce_ex__(self, protocol: Any) -> Any:
        watch_of(self).see(name_of(self))
        return plain(self).__reduce_ex__(protocol)
