"""Where a page shows messages: found while it is made.

A region is kept as it is for who has no messages, so it costs nobody anything. Its marks are in the
text only as long as the template is being rendered: whatever a view, a decorator or a middleware
does to the text, it does to the text.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex
from types import FrameType
from typing import Any, Final

from django.contrib.messages.constants import DEFAULT_LEVELS
from django.contrib.messages.storage.base import BaseStorage
from django.template import Node, Template
from django.template.base import Variable, VariableNode
from django.template.library import InclusionNode
from django.template.loader_tags import ExtendsNode, IncludeNode
from django.utils.safestring import SafeString, mark_safe

from .._audience._quiet import has_messages
from .._audience._swap import held_by, watch_of
from .._engine._compute import own_unit
from .._patching import Patching
from ._holes import Piece, collector
from ._message_nodes import AROUND, LEVELS, MESSAGES, Spoken, found_in, line_of
from ._message_places import place_of, render_for

#: Nodes through which a region gets into the page as it is.
_AROUND: Final = AROUND | {IncludeNode, InclusionNode}
_ANNOTATED: Final = vars(Node)["render_annotated"].__code__
_LOOKUP: Final = vars(Variable)["_resolve_lookup"].__code__
_KNOWN: Final = ("django.", "unhurried.")


@dataclass(slots=True)
class Region:
    """``shown`` to who is there, ``kept`` for who has no messages; ``piece`` leads to its node."""

    piece: Piece
    shown: str
    kept: str


@dataclass(slots=True)
class Rendering:
    """Of one whole template. ``between``: its text before, between and after the regions."""

    regions: list[Region] = field(default_factory=list)
    between: list[str] = field(default_factory=list)
    inside: bool = False
    nonce: str = field(default_factory=partial(token_hex, 16))
    #: What a response has made of the text, if it has.
    encoded: bytes | None = None

    def put(self, region: Region) -> SafeString:
        """What stands in the text for it."""
        mark = f'<m"{self.nonce}.{len(self.regions)}">'
        self.regions.append(region)
        return mark_safe(f"{mark}{region.shown}{mark}")

    def plain(self, text: str) -> str:
        """The text without marks; the regions are in its order then, and are those it has."""
        between, *found = re.split(rf'<m"{self.nonce}\.([0-9]+)">', text)
        regions = [self.regions[int(each)] for each in found[::4]]
        shown = [each.shown for each in regions]
        whole = found[::4] == found[2::4] and found[1::4] == shown
        self.between, self.regions = [between, *found[3::4]], regions if whole else []
        return "".join((between, *found[1::2]))


class Rendered(SafeString):
    """The text of a template. Whatever is made of it is none, so that is what a response has got
    where it has encoded this, and has the very bytes still.
    """

    rendering: Rendering

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        encoded = super().encode(encoding, errors)
        self.rendering.encoded = encoded
        return encoded


_rendering: ContextVar[Rendering | None] = ContextVar("unhurried_rendering", default=None)


@dataclass(slots=True, eq=False)
class Told:
    """Of one page while it is made. ``reasons``: why something that shows messages is no region.

    ``for_all``: it is the same for whoever asks, so it does not hang on anybody's session.
    """

    request: Any
    for_all: bool
    renderings: list[Rendering] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    #: Of regions, wherever they have gone.
    count: int = 0

    def rendered(self, template: Any, context: Any, render: Callable[[Any, Any], Any]) -> Any:
        """A template of this page, or of one of its parts."""
        self.prepare(template)
        if _rendering.get() is not None:
            return render(template, context)
        return self._outermost(template, context, render)

    def _outermost(self, template: Any, context: Any, render: Callable[[Any, Any], Any]) -> Any:
        rendering = Rendering()
        token = _rendering.set(rendering)
        try:
            text = render(template, context)
        finally:
            _rendering.reset(token)
        if not rendering.regions:
            return text
        self.renderings.append(rendering)
        rendered = Rendered(rendering.plain(str(text)))
        rendered.rendering = rendering
        return rendered

    def prepare(self, template: Any) -> None:
        """From now on its nodes tell, and those of the templates that it extends."""
        found = found_in(template)
        for number, each in enumerate(found.regions):
            _told(each, number)
        for parent in found.parents:
            _tells_of_its_parent(parent)
        self.reasons += [each for each in found.reasons if each not in self.reasons]

    def region(self, spoken: Spoken, number: int, context: Any, plain: Callable[[Any], Any]) -> Any:
        rendering = _rendering.get()
        if rendering is None or rendering.inside or not self._fits(spoken, context):
            return plain(context)
        place = place_of(spoken, number, context.template.engine)
        if not place or not _stands_alone(sys._getframe(1)):
            self.reasons.append(_elsewhere(spoken))
            return plain(context)
        self.count += 1
        some = self._has_some()
        shown = self._shown(rendering, plain, context)
        piece = [*place, context.autoescape, LEVELS in context]
        rest = render_for(piece, []) if some else shown
        return rendering.put(Region(piece, shown, rest))

    def _has_some(self) -> bool:
        """Where they lie in the session, that is read here for the first time."""
        with own_unit() if self.for_all else nullcontext():
            return has_messages(self._inner())

    def _shown(self, rendering: Rendering, plain: Callable[[Any], Any], context: Any) -> str:
        """Of what is looked at, messages do not count: the region is another for each reader."""
        observations = watch_of(self._inner()).observations
        new = [each for each in observations if MESSAGES not in each.touched]
        rendering.inside = True
        try:
            return str(plain(context))
        finally:
            rendering.inside = False
            for each in new:
                each.touched.pop(MESSAGES, None)

    def _fits(self, spoken: Spoken, context: Any) -> bool:
        """Whether these names are here what they will be for each reader."""
        storage = held_by(self._inner()).get("_messages")
        if not isinstance(storage, BaseStorage) or context.get(MESSAGES) is not storage:
            return False
        if LEVELS in spoken.names and context.get(LEVELS, DEFAULT_LEVELS) is not DEFAULT_LEVELS:
            return False
        return context.use_l10n is None and context.use_tz is None

    def _inner(self) -> Any:
        return getattr(self.request, "_request", self.request)


def _told(spoken: Spoken, number: int) -> None:
    node: Any = spoken.node
    if "render_annotated" in vars(node):
        return

    def render_annotated(context: Any) -> Any:
        plain = partial(type(node).render_annotated, node)
        into = collector()
        if into is None or into.told is None:
            return plain(context)
        return into.told.region(spoken, number, context, plain)

    node.render_annotated = render_annotated


def _tells_of_its_parent(node: Any) -> None:
    """A parent is rendered from within, so nobody hears of it but its child."""
    if "get_parent" in vars(node):
        return

    def get_parent(context: Any) -> Any:
        parent = ExtendsNode.get_parent(node, context)
        into = collector()
        if into is not None and into.told is not None:
            into.told.prepare(parent)
        return parent

    node.get_parent = get_parent


def _stands_alone(frame: FrameType | None) -> bool:
    """Whether nothing around the region does anything with its text: no filter, no loop, no tag
    but those that are known, no variable that holds it.
    """
    resolved = foreign = False
    while frame is not None and frame.f_code is not Told._outermost.__code__:
        module = str(frame.f_globals.get("__name__"))
        resolved = resolved or frame.f_code is _LOOKUP
        foreign = foreign or not module.startswith(_KNOWN)
        if frame.f_code is _ANNOTATED:
            if not _hands_on(frame.f_locals["self"], resolved=resolved, foreign=foreign):
                return False
            resolved = foreign = False
        frame = frame.f_back
    return frame is not None


def _hands_on(node: Any, *, resolved: bool, foreign: bool) -> bool:
    if resolved:
        return type(node) is VariableNode and node.filter_expression.token == "block.super"
    if type(node) is InclusionNode:  # its function may have rendered something, too
        return not foreign
    return type(node) in _AROUND


def _elsewhere(spoken: Spoken) -> str:
    where = line_of(spoken.node)
    return f"{where} shows messages, and stands in a tag, a loop or a template of its own kind"


# The seam: a template tells that it is being rendered, while pages are made.

_originals: list[Any] = []


def _wrap() -> None:
    _originals.append(vars(Template)["render"])
    Template.render = _heard(_originals[0])  # type: ignore[method-assign]


def _unwrap() -> None:
    Template.render = _originals.pop()  # type: ignore[method-assign]


def _heard(render: Callable[[Any, Any], Any]) -> Any:
    def inner(self: Any, context: Any) -> Any:
        into = collector()
        if into is None or into.told is None:
            return render(self, context)
        return into.told.rendered(self, context, render)

    inner.__wrapped__ = render  # type: ignore[attr-defined]
    return inner


#: For as long as a page is made; the others' templates ask one ContextVar more.
telling: Final = Patching(_wrap, _unwrap)
