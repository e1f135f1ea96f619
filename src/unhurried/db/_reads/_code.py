"""The loop over rows, written for one shape and compiled once.

It is made of numbers of columns and of names of the models' own attributes; all else reaches it as
variables. Two queries of one shape share the code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from keyword import iskeyword
from typing import Any, Final
from weakref import ref

from django.db.models.base import ModelState
from django.db.models.fields.mixins import FieldCacheMixin

from ._shape import Column, Node, Shape
from ._sound import is_unheard
from ._values import Written

MOST: Final = 500  # loops that are kept
Rows = Sequence[Sequence[Any]]
Load = Callable[[Rows, Callable[[Any], None]], None]


def loader(shape: Shape, alias: str, mode: Any = None, make: Any = None) -> Load:
    """The function that makes what is wanted of rows, and hands each to ``add``.

    Instances where the shape has a root; else what ``make`` makes of the values, or tuples.
    """
    code = Code(shape, mode)
    if make is not None:
        code.names["make"] = make
    code.names["alias"] = alias
    source = code.source(wants_call=make is not None)
    made: Load = _compiled(source, tuple(code.names))(*code.names.values())
    return made


@lru_cache(MOST)
def _compiled(source: str, names: tuple[str, ...]) -> Callable[..., Load]:
    lines = "\n".join(f"    {line}" for line in source.splitlines())
    text = f"def outer({', '.join(names)}):\n{lines}\n    return load"
    found: dict[str, Any] = {}
    exec(compile(text, "<unhurried.db: rows>", "exec"), found)
    made: Callable[..., Load] = found["outer"]
    return made


class Code:
    """The lines, and the variables that they use."""

    def __init__(self, shape: Shape, mode: Any) -> None:
        self.shape, self.mode = shape, mode
        self.names: dict[str, Any] = {}
        self.count = 0
        self.lines: list[str] = []
        self._related_to: set[int] = set()  # whose state has a cache of others already

    def source(self, *, wants_call: bool) -> str:
        values = "".join(f"v{place}, " for place in range(self.shape.width))
        for column in self.shape.columns:
            if column.convert is not None:
                self._converter(column)
        if self.shape.root is not None:
            self.names.update(new=object.__new__, State=ModelState)
            if self.mode is not None:
                self.names.update(mode=self.mode, ref=ref)
            self._node(self.shape.root, 2, None)
            self._annotations()
            result = "o0"
        else:
            inner = ", ".join(self._value(place) for place in range(self.shape.width))
            result = f"make({inner})" if wants_call else f"({inner},)"
        return "\n".join(
            [
                "def load(rows, add):",
                f"    for {values}in rows:",
                *self.lines,
                f"        add({result})",
            ]
        )

    def _converter(self, column: Column) -> None:
        name, convert = f"c{column.place}", column.convert
        if isinstance(convert, Written):
            self.names.update({each.format(c=name): it for each, it in convert.names.items()})
            convert = convert.otherwise
        self.names[name] = convert

    def _value(self, place: int) -> str:
        convert = self.shape.columns[place].convert
        if isinstance(convert, Written):
            return "(" + convert.text.format(v=f"v{place}", c=f"c{place}") + ")"
        return f"v{place}" if convert is None else f"c{place}(v{place})"

    def _say(self, depth: int, *lines: str) -> None:
        self.lines.extend("    " * depth + line for line in lines)

    def _node(self, node: Node, depth: int, parent: int | None) -> int:
        n = self.count
        self.count += 1
        if parent is not None:
            self._say(depth, f"o{n} = None", f"if v{node.key} is not None:")
            depth += 1
        self.names[f"M{n}"] = node.model
        self._say(depth, f"o{n} = new(M{n})", f"s{n} = State()")
        self._say(depth, f"s{n}.adding = False", f"s{n}.db = alias")
        self._mode(n, depth)
        self._attributes(node, n, depth)
        for child in node.children:
            self._related(child, n, depth)
        return n

    def _attributes(self, node: Node, n: int, depth: int) -> None:
        """By name up to the first of which a descriptor hears, a foreign key say.

        That one goes into the instance's dict, which it has none of before, and so do all after
        it: their order is the queryset's.
        """
        self._say(depth, f"o{n}._state = s{n}")
        named = True
        for name, place in node.attributes:
            value = self._value(place)
            if named and (not _is_name(name) or not is_unheard(node.model, name)):
                named = False
                self._say(depth, f"d = o{n}.__dict__")
            self._say(depth, f"o{n}.{name} = {value}" if named else f"d[{name!r}] = {value}")

    def _mode(self, n: int, depth: int) -> None:
        if self.mode is None:
            return
        self._say(depth, f"s{n}.fetch_mode = mode")
        if self.mode.track_peers:
            self.names[f"peers{n}"] = []
            self._say(depth, f"peers{n}.append(ref(o{n}))", f"s{n}.peers = peers{n}")

    def _related(self, child: Node, parent: int, depth: int) -> None:
        n = self._node(child, depth, parent)
        self._tell(f"local{n}", child.local_setter, parent, n, depth)
        if not _tells_nobody(child.remote_setter):
            self._say(depth, f"if o{n} is not None:")
            self._tell(f"remote{n}", child.remote_setter, n, parent, depth + 1)

    def _tell(self, name: str, setter: Any, whom: int, of: int, depth: int) -> None:
        """``setter(whom, of)``; what fields themselves do is written out."""
        if _is_fields(setter):
            self.names[name] = setter.__self__.cache_name
            first = whom not in self._related_to
            self._related_to.add(whom)
            said = f"s{whom}.fields_cache"
            self._say(depth, f"{said} = {{{name}: o{of}}}" if first else f"{said}[{name}] = o{of}")
        else:
            self.names[name] = setter
            self._related_to.update((whom, of))  # who knows
            self._say(depth, f"{name}(o{whom}, o{of})")

    def _annotations(self) -> None:
        for k, (name, place) in enumerate(self.shape.annotations):
            self.names[f"a{k}"] = name
            self._say(2, f"setattr(o0, a{k}, {self._value(place)})")


def _is_name(name: str) -> bool:
    """Whether a line can say it: ``setattr`` and models made by ``type()`` can say more."""
    return name.isidentifier() and not iskeyword(name)


def is_plain(setter: Any) -> bool:
    """Whether it is what fields of their own do, or nothing."""
    return _is_fields(setter) or _tells_nobody(setter)


def _is_fields(setter: Any) -> bool:
    return getattr(setter, "__func__", None) is FieldCacheMixin.set_cached_value


def _tells_nobody(setter: Any) -> bool:
    """Of a plain foreign key: whom it points to does not know one of many."""
    code = getattr(setter, "__code__", None)
    return code is not None and (code.co_code, code.co_consts) == (NOTHING.co_code, (None,))


NOTHING: Final = (lambda x, y: None).__code__
