"""Where in HTML a comment may stand: in text, and nowhere inside a tag, a comment or raw text.

The states of the standard's tokenizer as far as they matter for that (HTML Living Standard,
13.2.5); what it would drop, or read to the end of the file, is solid to the end of the file.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

#: Their content is no markup, or none that may hold a comment one can point at.
_WHOLE: Final = frozenset(
    "script style textarea title select iframe noembed noframes noscript xmp template".split()
)
_NAME: Final = re.compile(r"</?([a-zA-Z][^\s/>]*+)")
_SPACE: Final = re.compile(r"[\s/]*+")
_ATTRIBUTE: Final = re.compile(r"=?[^\s/>=]*+")
_EQUALS: Final = re.compile(r"\s*+=\s*+")
_BARE: Final = re.compile(r"[^\s>]*+")
_REFERENCE: Final = re.compile(r"&#?[0-9A-Za-z]++;?")
_SCRIPT: Final = re.compile(r"<!--|-->|<(/?)script(?=[\s/>])", re.IGNORECASE)
_NEXT: Final = re.compile(r"[<&]")
Span = tuple[int, int]


class Solids:
    """The spans of a page in which nothing may be put."""

    def __init__(self, html: str) -> None:
        self.spans = list(_solids(html))
        self._starts = [start for start, _ in self.spans]

    def before(self, at: int) -> int:
        """``at``, or the beginning of what it is in the middle of."""
        span = self._inside(at)
        return at if span is None else span[0]

    def after(self, at: int) -> int:
        """``at``, or the end of what it is in the middle of."""
        span = self._inside(at)
        return at if span is None else span[1]

    def _inside(self, at: int) -> Span | None:
        number = bisect_right(self._starts, at) - 1
        if number < 0:
            return None
        start, end = self.spans[number]
        return (start, end) if start < at < end else None


def _solids(html: str) -> list[Span]:
    found: list[Span] = []
    at = 0
    while (next_ := _NEXT.search(html, at)) is not None:
        start = next_.start()
        end = _reference(html, start) if next_[0] == "&" else _markup(html, start)
        if end > start + 1:
            found.append((start, end))
        at = max(end, start + 1)
    return found


def _reference(html: str, at: int) -> int:
    found = _REFERENCE.match(html, at)
    return found.end() if found is not None else at


def _markup(html: str, at: int) -> int:
    """The end of what begins with this ``<``; the same place, if it is text."""
    if html.startswith("<!--", at):
        return _comment(html, at)
    if html.startswith("<![CDATA[", at) and "]]>" in html[at:]:
        return html.index("]]>", at) + 3
    found = _NAME.match(html, at)
    if found is None:
        return _until(html, ">", at) if html.startswith(("<!", "<?", "</"), at) else at
    end, name = _tag(html, found.end()), found[1].lower()
    if html[at + 1] == "/" or name not in _WHOLE:
        return len(html) if name == "plaintext" else end
    return _script(html, end) if name == "script" else _element(html, end, name)


def _comment(html: str, at: int) -> int:
    for short in ("<!-->", "<!--->"):
        if html.startswith(short, at):
            return at + len(short)
    ends = [html.find(end, at + 4) + len(end) for end in ("-->", "--!>") if html.find(end, at) >= 0]
    return min(ends, default=len(html))


def _until(html: str, what: str, at: int) -> int:
    found = html.find(what, at)
    return len(html) if found < 0 else found + len(what)


def _tag(html: str, at: int) -> int:
    """The end of a tag whose name ends at ``at``: past the > that stands in no value."""
    while True:
        at = _SPACE.match(html, at).end()  # type: ignore[union-attr]
        if at >= len(html):
            return at
        if html[at] == ">":
            return at + 1
        at = _attribute(html, at)


def _attribute(html: str, at: int) -> int:
    at = _ATTRIBUTE.match(html, at).end()  # type: ignore[union-attr]
    equals = _EQUALS.match(html, at)
    if equals is None:
        return at
    at = equals.end()
    if html[at : at + 1] in ('"', "'"):
        return _until(html, html[at], at + 1)
    return _BARE.match(html, at).end()  # type: ignore[union-attr]


def _element(html: str, at: int, name: str) -> int:
    closed = re.compile(rf"</{re.escape(name)}(?=[\s/>])", re.IGNORECASE).search(html, at)
    return len(html) if closed is None else _tag(html, closed.end())


def _script(html: str, at: int) -> int:
    """A script in a comment in a script does not end it (13.2.5.15 to 13.2.5.31)."""
    escaped = doubly = False
    for found in _SCRIPT.finditer(html, at):
        if found[0] == "<!--":
            escaped = True
        elif found[0] == "-->":
            escaped = doubly = False
        elif found[1] and not doubly:
            return _tag(html, found.end())
        elif found[1]:
            doubly = False
        elif escaped:
            doubly = True
    return len(html)
