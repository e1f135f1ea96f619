"""From what was recorded, and the page that came of it, to its regions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.template.base import TextNode, VariableNode
from django.template.defaulttags import CommentNode, ForNode, IfNode, LoadNode, WithNode
from django.template.loader_tags import BlockNode, ExtendsNode, IncludeNode

from ._markup import Solids
from ._piece import AMBER, GREEN, RED, Piece, colour_of

#: What a tag in one of these puts into the context is gone at its end.
_SCOPES: Final = (ForNode, WithNode, BlockNode, IncludeNode)
#: These show what they have, or nothing; what is inside may do otherwise.
_SHOW: Final = (TextNode, VariableNode, IfNode, *_SCOPES, ExtendsNode, LoadNode, CommentNode)
_RANK: Final = {GREEN: 0, AMBER: 1, RED: 2}


@dataclass(slots=True)
class Region:
    """A stretch of the page, ``start`` to ``end``, and what it was made from.

    ``places``: the lines of templates that read it -> their source.
    """

    start: int
    end: int
    reads: dict[str, str] = field(default_factory=dict)
    tables: set[str] = field(default_factory=set)
    places: dict[str, Any] = field(default_factory=dict)

    @property
    def colour(self) -> str:
        return colour_of(self.reads)

    def add(self, other: Region) -> None:
        """Be one with another stretch."""
        self.start, self.end = min(self.start, other.start), max(self.end, other.end)
        self.made_of(other)

    def made_of(self, other: Region) -> Region:
        """Made from what the other was made from, too."""
        self.reads = {**other.reads, **self.reads}
        self.tables |= other.tables
        self.places |= other.places
        return self


def regions_of(view: Piece, page: str) -> list[Region]:
    """All of the page, in its order. What was rendered and is not in it, is the view's work."""
    groups = _groups(view)
    main, at = _main(groups, page)
    for group in groups:
        if group is not main:
            for piece in group:
                _bubble(view, piece)
    spans: list[Region] = []
    if main:
        _inside(main, at, spans, Region(0, 0))
    found = _filled(spans, page, view)
    _name_sources(found)
    return found


def _name_sources(regions: Iterable[Region]) -> None:
    """Each line's source is looked up once."""
    known: dict[str, str] = {}
    for region in regions:
        for line, piece in region.places.items():
            if line not in known:
                known[line] = piece.source
            region.places[line] = known[line]


def _groups(view: Piece) -> list[list[Piece]]:
    """The renderings of whole templates, told apart by their contexts."""
    found: list[list[Piece]] = []
    for piece in view.pieces:
        if not found or found[-1][0].context is not piece.context:
            found.append([])
        found[-1].append(piece)
    return found


def _main(groups: list[list[Piece]], page: str) -> tuple[list[Piece], int]:
    """The longest that stands in the page, and where."""
    for group in sorted(groups, key=_length, reverse=True):
        at = page.find(_text(group))
        if at >= 0:
            return group, at
    return [], 0


def _text(pieces: Iterable[Piece]) -> str:
    return "".join(str(piece.text) for piece in pieces)


def _length(pieces: Iterable[Piece]) -> int:
    return len(_text(pieces))


def _bubble(around: Piece, piece: Piece) -> None:
    for each in piece.all():
        around.reads = {**each.reads, **around.reads}
        around.tables |= each.tables


def _inside(pieces: list[Piece], at: int, spans: list[Region], spilt: Region) -> Region:
    """Add the regions of these renderings, one after another from ``at`` on.

    Returns what ``spilt``: what a tag has read that has shown nothing itself, but may have put it
    into a variable. All that follows in its scope may be made from it.
    """
    for piece in pieces:
        end = at + len(str(piece.text))
        held = _place_in(piece, at)
        if held is not None and not piece.reads:
            spans.append(Region(at, at, {}, piece.tables))
            inner = _inside(piece.pieces, held, spans, spilt)
            spilt = spilt if isinstance(piece.node, _SCOPES) else inner
        elif not piece.is_text:
            region = _whole(piece, at, end)
            put = [_whole(each, 0, 0) for each in _putting(piece)]
            spans.append(Region(at, end).made_of(spilt).made_of(region))
            for each in put if not piece.reads else [region] * bool(put):
                spilt = Region(0, 0).made_of(spilt).made_of(each)
        at = end
    return spilt


def _putting(piece: Piece) -> Iterator[Piece]:
    """Tags that have shown nothing, and so may have put something into a variable."""
    if type(piece.node) not in _SHOW and not str(piece.text):
        yield piece
    if not isinstance(piece.node, _SCOPES):
        for each in piece.pieces:
            yield from _putting(each)


def _place_in(piece: Piece, at: int) -> int | None:
    """Where the renderings inside stand, if they stand there as they were made and but once."""
    if not piece.pieces:
        return None
    whole, inner = str(piece.text), _text(piece.pieces)
    if whole == inner:
        return at
    if any(each.reads for part in piece.pieces for each in part.all()) and whole.count(inner) != 1:
        return None
    found = whole.find(inner)
    return None if found < 0 else at + found


def _whole(piece: Piece, at: int, end: int) -> Region:
    region = Region(at, end)
    for each in piece.all():
        region.reads = {**each.reads, **region.reads}
        region.tables |= each.tables
        if each.reads:
            region.places.setdefault(each.line, each)
    return region


def _filled(spans: list[Region], page: str, view: Piece) -> list[Region]:
    """Coloured ones moved out of tags, and all between them, which is as the view has made it."""
    coloured = _merged(_moved(spans, Solids(page)))
    plain = [span for span in spans if span.tables and not span.reads]
    found: list[Region] = []
    at = 0
    for region in [*coloured, None]:
        start = region.start if region is not None else len(page)
        if page[at:start].strip():
            gap = Region(at, start, {**view.reads}, {*view.tables})
            for span in plain:
                if span.start <= gap.end and span.end >= gap.start:
                    gap.tables |= span.tables
            found.append(gap)
        if region is not None:
            found.append(region)
            at = region.end
    return found


def _moved(spans: Iterable[Region], solids: Solids) -> Iterator[Region]:
    for span in spans:
        if span.reads:
            span.start, span.end = solids.before(span.start), solids.after(span.end)
            yield span


def _merged(spans: Iterable[Region]) -> list[Region]:
    """Those that overlap are one; those that touch, if they have read the same."""
    found: list[Region] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        last = found[-1] if found else None
        if last is not None and _are_one(last, span):
            last.add(span)
        else:
            found.append(span)
    return found


def _are_one(last: Region, span: Region) -> bool:
    same = last.reads.keys() == span.reads.keys() and last.places.keys() == span.places.keys()
    return span.start < last.end or (span.start == last.end and same)


def worst(regions: Iterable[Region]) -> str:
    return max((region.colour for region in regions), key=_RANK.__getitem__, default=GREEN)


def mark_for(page: str) -> str:
    """How our comments in this page begin: as none of its own does."""
    mark = "u"
    while f"<!--{mark}:" in page or f"<!--/{mark}:" in page:
        mark += "u"
    return mark


def marked(page: str, regions: list[Region], mark: str = "u") -> str:
    """The page with a comment before and after each region; without them it is what it was."""
    parts: list[str] = []
    at = 0
    for number, region in enumerate(regions):
        text = page[region.start : region.end]
        parts += page[at : region.start], f"<!--{mark}:{number}-->{text}<!--/{mark}:{number}-->"
        at = region.end
    return "".join([*parts, page[at:]])


def as_dict(region: Region, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "colour": region.colour,
        "reads": [[name, line] for name, line in sorted(region.reads.items())],
        "tables": sorted(region.tables),
        "places": [[line, source] for line, source in region.places.items()],
    }
