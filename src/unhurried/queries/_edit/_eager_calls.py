"""Writing ``select_related("author")`` and its kin into the calls that make a queryset."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet
from django.db.models.manager import BaseManager

from ._chains import ENDS, Chain, resolve
from ._edits import Edit, NoEditError
from ._imports import imports

LOADS: Final = ("select_related", "prefetch_related")
CHUNK: Final = "chunk_size=2000"


@dataclass(frozen=True, slots=True)
class Change:
    """``how`` is select_related, prefetch_related, undefer, annotate, or drop_… of the first two;
    ``path`` what to hand it, ``source`` the argument's code where that is no plain string.
    """

    how: str
    path: str
    source: str = ""
    imports: tuple[tuple[str, str], ...] = ()  # (module, name)
    chunked: bool = False


class Writer:
    """Collects the edits of one chain."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.text = chain.text
        self.edits: list[Edit] = []
        self.first: list[str] = []  # calls to stand right after the manager
        self.after: list[str] = []  # calls to stand after the call that makes the queryset
        self.rewritten: dict[ast.Call, list[str] | None] = {}  # arguments of calls that are there

    def load(self, how: str, arguments: list[str]) -> None:
        """Add to the call that is there, or make one."""
        for call in self.chain.calls(how):
            if not call.args or _is_none(call.args[0]):
                raise NoEditError(f"{ast.unparse(call.func)[-40:]}() there means something else")
            known = self.arguments(call)
            known += [argument for argument in arguments if argument not in known]
            return
        self.after.append(f".{how}({', '.join(arguments)})")

    def arguments(self, call: ast.Call) -> list[str]:
        """The code of a call's arguments, to be changed in place."""
        known = self.rewritten.get(call)
        if known is None:
            known = self.rewritten[call] = [self.text.of(argument) for argument in call.args]
        return known

    def finish(self) -> list[Edit]:
        for call, arguments in self.rewritten.items():
            self._rewrite(call, arguments or [])
        if self.first or self.after:
            self._insert()
        return self.edits

    def _rewrite(self, call: ast.Call, arguments: list[str]) -> None:
        old = [self.text.of(argument) for argument in call.args]
        if old == arguments:
            return
        if not arguments:
            return self._remove(call)
        if old and old == arguments[: len(old)]:  # only more: leave the others as they stand
            new = "".join(f", {argument}" for argument in arguments[len(old) :])
            self.edits.append(self.text.insert(self.text.end_of(call.args[-1]), new))
        elif old:
            start, end = self.text.start_of(call.args[0]), self.text.end_of(call.args[-1])
            self.edits.append(Edit(self.text.file, start, end, ", ".join(arguments)))

    def _remove(self, call: ast.Call) -> None:
        """``.defer("x")`` is left out; alone behind a manager it becomes ``.all()``."""
        assert isinstance(call.func, ast.Attribute)
        alone = self.chain.links == [call]
        start, end = self.text.end_of(call.func.value), self.text.end_of(call)
        if "#" in self.text.text[start:end]:
            raise NoEditError(f"a comment stands before .{call.func.attr}()")
        if call is self.chain.made and (self.first or self.after):
            calls, self.first, self.after = [*self.first, *self.after], [], []
            self.edits.append(Edit(self.text.file, start, end, "".join(calls)))
        else:
            self.edits.append(Edit(self.text.file, start, end, ".all()" if alone else ""))

    def _insert(self) -> None:
        chain, made = self.chain, self.chain.made
        if chain.is_shortcut:
            return self._into_shortcut()
        assert isinstance(made.func, ast.Attribute)
        manager, end = self.text.end_of(made.func.value), self.text.end_of(made)
        calls = [*self.first, *self.after]
        has_comment = "#" in self.text.text[manager:end]
        if chain.method == "all" and not (made.args or made.keywords or has_comment):
            between = self.text.text[manager : self.text.end_of(made.func)].partition(".")[0]
            self.edits.append(Edit(self.text.file, manager, end, self._joined(calls, between)))
        elif chain.method in ENDS or self._fits_before():
            self.edits.append(self.text.insert(manager, "".join(calls)))
        else:
            if self.first:
                self.edits.append(self.text.insert(manager, "".join(self.first)))
            if self.after:
                between = self.text.text[manager : self.text.end_of(made.func)].partition(".")[0]
                self.edits.append(self.text.insert(end, self._joined(self.after, between)))

    def _joined(self, calls: list[str], between: str) -> str:
        """Each on its own line, where the chain is written that way."""
        between = between if between.isspace() else ""
        return "".join(f"{between}{call}" for call in calls)

    def _fits_before(self) -> bool:
        """A method of the project's own: its result may be anything, so it comes last."""
        name = self.chain.method
        known = [hasattr(m.get_queryset(), name) for m in self.chain.model._meta.managers]
        return not hasattr(QuerySet, name) and name != "get_queryset" and any(known)

    def _into_shortcut(self) -> None:
        subject = self.chain.made.args[0] if self.chain.made.args else None
        if subject is None:
            raise NoEditError("the model is not its first argument")
        means = resolve(subject, self.chain.module)
        calls = "".join([*self.first, *self.after])
        model = self.chain.model
        if means is model or (means is None and _called(subject) == model.__name__):
            calls = f".{model._default_manager.name}{calls}"
        elif not isinstance(means, BaseManager):
            raise NoEditError(f"{ast.unparse(subject)[:40]} is not known to be {model.__name__}")
        self.edits.append(self.text.insert(self.text.end_of(subject), calls))


def _called(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def edits(chain: Chain, changes: Iterable[Change]) -> list[Edit]:
    """All that is wanted of one chain, written together."""
    writer = Writer(chain)
    changes = list(dict.fromkeys(changes))
    for how in LOADS:
        paths = [c.path for c in changes if c.how == how and not c.source]
        kept = [path for path in paths if not _is_covered(path, paths)]
        sources = [c.source for c in changes if c.how == how and c.source]
        if kept or sources:
            writer.load(how, [*map(chain.quoted, kept), *sources])
            if how == "select_related":
                _undefer_joined(writer, kept)
    for change in changes:
        _OTHER.get(change.how, _nothing)(writer, change)
    made = writer.finish()
    _chunk(writer, changes)
    return [*made, *(e for change in changes for e in imports(chain, change.imports))]


def _is_covered(path: str, paths: list[str]) -> bool:
    """``author__country`` loads the author too."""
    return any(other.startswith(f"{path}__") for other in paths)


def _nothing(writer: Writer, change: Change) -> None:
    pass


def _undefer_joined(writer: Writer, paths: list[str]) -> None:
    """A foreign key cannot be both deferred and followed."""
    chain = writer.chain
    for path in paths:
        head = path.split("__")[0]
        for call in chain.calls("only"):
            names = [name for name in map(_string, call.args) if name]
            if not any(name == head or name.startswith(f"{head}__") for name in names):
                writer.arguments(call).append(chain.quoted(head))
        for call in chain.calls("defer"):
            if head in map(_string, call.args):
                _take_out(writer, call, {head})


def _undefer(writer: Writer, change: Change) -> None:
    chain, done = writer.chain, False
    for call in chain.calls("defer"):
        if change.path in map(_string, call.args):
            _take_out(writer, call, {change.path})
            done = True
    for call in chain.calls("only")[-1:]:
        if not all(map(_string, call.args)):
            raise NoEditError("the names in only() are not written there")
        known = writer.arguments(call)
        if chain.quoted(change.path) not in known:
            known.append(chain.quoted(change.path))
        done = True
    if not done:
        raise NoEditError(f"no defer() or only() stands at the line that makes the queryset, but "
                     f"{change.path} is deferred")  # fmt: skip


def _annotate(writer: Writer, change: Change) -> None:
    if writer.chain.is_shortcut:
        raise NoEditError("one row alone is counted for")
    if writer.first:  # both in one call
        writer.first[0] = f"{writer.first[0][:-1]}, {change.source})"
        return
    writer.first.append(f".annotate({change.source})")
    writer.first += _ordered(writer.chain)


def _ordered(chain: Chain) -> list[str]:
    """Where rows are grouped, Django leaves out ``Meta.ordering``: it is to be said."""
    ordering = chain.model._meta.ordering
    if not ordering or chain.calls("order_by"):
        return []
    if not all(isinstance(name, str) for name in ordering):
        raise NoEditError("grouped rows lose Meta.ordering, which is no list of names")
    return [f".order_by({', '.join(map(chain.quoted, ordering))})"]


def _drop(writer: Writer, change: Change) -> None:
    how = change.how.removeprefix("drop_")
    head, _, _ = change.path.rpartition("__")
    found = False
    for call in writer.chain.calls(how):
        for argument in list(call.args):
            path = _string(argument) or _prefetched(argument)
            if path == change.path or (path or "").startswith(f"{change.path}__"):
                found = True
                _replace(writer, call, argument, head)
    if not found:
        raise NoEditError(f"{how}() with {change.path} is not written at that line")


def _replace(writer: Writer, call: ast.Call, argument: ast.expr, head: str) -> None:
    known, source = writer.arguments(call), writer.text.of(argument)
    if source not in known:
        return
    at = known.index(source)
    known[at : at + 1] = [writer.chain.quoted(head)] if head else []
    while head and known.count(writer.chain.quoted(head)) > 1:
        known.remove(writer.chain.quoted(head))


def _take_out(writer: Writer, call: ast.Call, names: set[str]) -> None:
    known = writer.arguments(call)
    for argument in call.args:
        if _string(argument) in names and writer.text.of(argument) in known:
            known.remove(writer.text.of(argument))


def _string(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _prefetched(node: ast.expr) -> str | None:
    """Of ``Prefetch("tags", ...)``, what it loads."""
    is_call = isinstance(node, ast.Call) and _called(node.func) == "Prefetch"
    return _string(node.args[0]) if is_call and node.args else None  # type: ignore[attr-defined]


def _chunk(writer: Writer, changes: list[Change]) -> None:
    if not any(change.chunked for change in changes):
        return
    calls = writer.chain.calls("iterator")
    if not calls:
        raise NoEditError("iterator() is not called at the line that makes the queryset")
    call = calls[-1]
    if call.args or call.keywords:
        return
    writer.edits.append(writer.text.insert(writer.text.end_of(call) - 1, CHUNK))


_OTHER: Final = {
    "undefer": _undefer,
    "annotate": _annotate,
    "drop_select_related": _drop,
    "drop_prefetch_related": _drop,
}
