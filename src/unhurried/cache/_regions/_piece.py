"""What a part of a page was made from: a node's rendering, or the view's own work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.template import TemplateDoesNotExist
from django.template.base import TextNode

GREEN, AMBER, RED = "green", "amber", "red"
#: In no key: each look gives another, or takes it, or nobody can say what it gives.
_NEVER: Final = frozenset(
    "csrf messages nonce headers cookies body request "
    "write deed statement clock random unseen".split()
)
#: Of these the page is no less everybody's.
_IMPERSONAL: Final = frozenset({"clock", "deed", "random", "statement", "unseen", "write"})
#: In a template: a page is kept without them, and they are put in, or asked for, for each reader.
BY_ITSELF: Final = frozenset({"csrf", "messages", "nonce"})
LONG: Final = 70  # characters of a template's line


def colour_of(reads: dict[str, str]) -> str:
    """Green for everybody, amber per user or variant, red not at all."""
    if any(name.partition(":")[0] in _NEVER for name in reads):
        return RED
    return AMBER if reads else GREEN


def is_personal(name: str) -> bool:
    return name.partition(":")[0] not in _IMPERSONAL | BY_ITSELF


class Piece:
    """``reads``: input -> line of the first look; ``tables``: as people call them.

    ``pieces`` are the renderings inside, in their order; of the view, those of whole templates.
    """

    __slots__ = ("context", "node", "pieces", "reads", "tables", "text")

    def __init__(self, node: Any = None, context: Any = None) -> None:
        self.node, self.context = node, context
        self.reads: dict[str, str] = {}
        self.tables: set[str] = set()
        self.pieces: list[Piece] = []
        self.text = ""

    @property
    def is_text(self) -> bool:
        return type(self.node) is TextNode

    @property
    def line(self) -> str:
        """``pins/feed.html:3``."""
        origin, token = getattr(self.node, "origin", None), getattr(self.node, "token", None)
        name = getattr(origin, "template_name", None) or getattr(origin, "name", None)
        return f"{name or '<template>'}:{token.lineno if token else 0}"

    @property
    def source(self) -> str:
        """Of the template: ``Hello, {{ user.name }}``, with the text on either side of it."""
        token = getattr(self.node, "token", None)
        if token is None:
            return ""
        lines = _template(getattr(self.node, "origin", None)).splitlines()
        line = lines[token.lineno - 1] if token.lineno <= len(lines) else ""
        return _around(_tag(self.node, token.contents), line)

    def all(self) -> Iterator[Piece]:
        """This one and those inside."""
        yield self
        for piece in self.pieces:
            yield from piece.all()


def _template(origin: Any) -> str:
    """As it stands now, where its loader can tell."""
    loader = getattr(origin, "loader", None)
    try:
        return str(loader.get_contents(origin)) if loader is not None else ""
    except TemplateDoesNotExist:
        return ""


def _tag(node: Any, contents: str) -> str:
    kind = type(node).__name__
    return f"{{{{ {contents} }}}}" if kind == "VariableNode" else f"{{% {contents} %}}"


def _around(own: str, line: str) -> str:
    """``own`` as the line has it, with the text up to the next tag of HTML."""
    at = line.find(own)
    if at >= 0:
        begin, end = line.rfind(">", 0, at) + 1, line.find("<", at + len(own))
        own = line[begin : end if end >= 0 else len(line)].strip()
    return own if len(own) <= LONG else f"{own[: LONG - 1]}…"
