"""One request is recorded: what its view, and each node of its templates, has looked at and read.

Nothing is put into what is rendered, so nothing of it can be kept by anybody: where a node's text
stands in the page is found afterwards, from the texts themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from django.template.defaulttags import LoremNode, NowNode
from django.templatetags.cache import CacheNode

from unhurried.later.reading import putting_off
from unhurried.measure.reading import Statement, observers, resolving
from unhurried.queries.reading import frames

from .._audience import IN_EACH_PAGE, observing
from .._audience._readers import nearest, place
from .._audience._watch import _silent
from .._sql import OURS
from .._units._guard import connection_of, understood
from .._units._ties import ties_of
from .._units._touching import touched
from . import _nodes
from ._memory import Memory
from ._nodes import recording
from ._piece import Piece

_HANDLERS: Final = "django.core.handlers."
_ASKED: Final = ("_get_response", "_get_response_async")
#: Parts of a middleware, which the handler calls where it calls the view, or in a thread.
_PHASES: Final = frozenset(
    "process_request process_view process_template_response process_exception "
    "process_response".split()
)
#: Whose decorators and mixins let people in; what they look at is not in the page.
_GATES: Final = "django/contrib/auth/"
#: What the key of a cached page is made from is in the key.
_OURSELVES: Final = "unhurried/cache/"
_BENEATH: Final = ("unhurried.", "django.db.")
#: Filters that give something else each time, or as time goes by.
_FILTERS: Final = {
    "random": "random",
    **dict.fromkeys(("timesince", "timeuntil", "naturaltime", "naturalday"), "clock"),
}


class Recorder:
    """Of one request. ``view`` holds what was read outside of any node, and the renderings."""

    def __init__(self) -> None:
        self.view = Piece()
        self.now = self.view
        #: What decides who is let in, before the view: input -> line.
        self.gates: dict[str, str] = {}
        self.request: Any = None
        #: As the view gave it, where somebody has told it.
        self.response: Any = None
        self._over = True  # not begun
        self._busy = False  # what the catalogue is asked is nobody's statement
        self._stack, self._memory = ExitStack(), Memory()

    def begin(self, request: Any) -> None:
        """The view is known, and all middleware has seen the request: observe it."""
        if self.request is None:
            self.request, self._over = request, False
            seen = self._stack.enter_context(observing(request, known=IN_EACH_PAGE))
            self.view.reads |= seen.touched
            seen.touched = _Looks(self)

    def end(self) -> None:
        self._stack.close()
        self._over = True

    def rendered(self, node: Any, context: Any, render: Callable[[Any, Any], Any]) -> Any:
        around, piece = self.now, Piece(node, context)
        self.now = piece
        try:
            piece.text = text = render(node, context)
        finally:
            self.now = around
            around.pieces.append(piece)
        if not piece.is_text:
            _tell(piece)
            self._memory.compare(piece)
        return text

    def look(self, name: str, line: str) -> None:
        if self.now is self.view:
            if line.startswith(_OURSELVES) or not _in_view():
                return
            if line.startswith(_GATES):
                self.gates.setdefault(name, line)
                return
        self.now.reads.setdefault(name, line)

    def read(self, statement: Statement) -> None:
        """The tables of a statement; and what it does that nobody can vouch for.

        The user's own row is no table of the view's: who looks at the user has said so.
        """
        connection = connection_of(statement)
        if connection is None or self._busy or self._over:
            return
        if self.now is self.view and (_silent.get() or not _in_view()):
            return
        self._busy = True
        try:
            found = understood(statement)
            touches = touched(connection, ties_of(connection), found)
        finally:
            self._busy = False
        self.now.tables |= {*map(_spoken, touches.read - touches.written)} - {""}
        self._doubt(touches, found)

    def put_off(self, what: str) -> None:
        """A write, a task that is left to others: who gets the page from a cache asks for none."""
        if not self._over and (self.now is not self.view or _in_view()):
            self.now.reads.setdefault(f"deed:{what}", _line(self.now))

    def _doubt(self, touches: Any, found: Any) -> None:
        line = _line(self.now)
        for tag in touches.written:
            if _spoken(tag) or tag.endswith(":*"):
                self.now.reads.setdefault(f"write:{_spoken(tag) or 'anything'}", line)
        if touches.blind or found.unstorable:
            self.now.reads.setdefault(f"statement:{found.unstorable or 'any table'}", line)
        if found.timed:
            self.now.reads.setdefault(f"clock:{found.timed}", line)


class _Looks(dict[str, str]):
    """Stands for what an observation has touched: here each node has a look of its own."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder

    def __contains__(self, name: object) -> bool:
        return name in self.recorder.now.reads

    def setdefault(self, name: str, line: str = "") -> str:
        self.recorder.look(name, line)
        return line

    def __setitem__(self, name: str, line: str) -> None:
        self.recorder.view.reads.setdefault(name, line)


class _Statements:
    """Among the observers while somebody records; it hears those of this request."""

    def before(self, statement: Statement) -> None:
        recorder = recording.get()
        if isinstance(recorder, Recorder):
            recorder.read(statement)

    def after(self, statement: Statement, error: BaseException | None) -> None:
        pass


def _put_off(what: str) -> None:
    recorder = recording.get()
    if isinstance(recorder, Recorder):
        recorder.put_off(what)


@contextmanager
def record() -> Iterator[Recorder]:
    """Record what happens in the block, from ``begin(request)`` on."""
    recorder, listener = Recorder(), _Statements()
    token = recording.set(recorder)
    observers.append(listener)
    resolving.append(begin)
    putting_off.append(_put_off)
    try:
        with _nodes.telling():
            yield recorder
    finally:
        putting_off.remove(_put_off)
        resolving.remove(begin)
        observers.remove(listener)
        recording.reset(token)
        recorder.end()


def begin(request: Any) -> None:
    """The view is about to be called; nothing, where nobody records."""
    recorder = recording.get()
    if isinstance(recorder, Recorder):
        recorder.begin(request)


def finish(response: Any) -> None:
    """The view's own answer, before any middleware has seen it; what comes now is not the page."""
    recorder = recording.get()
    if isinstance(recorder, Recorder):
        recorder.response = response
        recorder.end()


def _tell(piece: Piece) -> None:
    """What a node gives without a look at anything: the time, or chance."""
    node, line = piece.node, piece.line
    if isinstance(node, NowNode):
        piece.reads["clock"] = line
    elif isinstance(node, LoremNode):
        piece.reads["random"] = line
    elif isinstance(node, CacheNode) and not piece.pieces:
        piece.reads["unseen:{% cache %}"] = line
    for function, _ in getattr(getattr(node, "filter_expression", None), "filters", ()):
        name = getattr(function, "_filter_name", "")
        if name in _FILTERS:
            piece.reads[f"{_FILTERS[name]}:|{name}"] = line


def _line(piece: Piece) -> str:
    """Of who asks: neither ours nor the ORM's, where no line of the project's is there."""
    if piece.node is not None:
        return piece.line
    frame = nearest(sys._getframe(2))
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(_BENEATH):
        frame = frame.f_back
    return place(frame)


def _spoken(tag: str) -> str:
    """``pins_pin``, ``log: pins_pin``; nothing for what is no table, or one of ours."""
    alias, _, name = tag.partition(":")
    if alias == "db" or name == "*" or name.startswith(OURS):
        return ""
    return name if alias == "default" else f"{alias}: {name}"


def _in_view() -> bool:
    """Whether the view is at work, and no middleware around it.

    An async view under WSGI runs in another thread, whose stack tells nothing of who waits for it.
    """
    below: list[str] = []
    for at in frames(sys._getframe(2)):
        if str(at.f_globals.get("__name__")).startswith(_HANDLERS):
            return at.f_code.co_name in _ASKED and _PHASES.isdisjoint(below)
        below.append(at.f_code.co_name)
    return _PHASES.isdisjoint(below)
