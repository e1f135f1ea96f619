"""Messages in a page that is kept for all: for whoever has some, they are put where they belong.

What is kept is the page of those who have none, so it is sent to them as it is. A span says where
in it messages would be shown, and by which node of which template.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from .._audience._quiet import COOKIE, has_messages
from .._engine._entry import Entry
from .._fragments import _message_places
from .._fragments._holes import Collector, Holed
from .._fragments._message_regions import Region, Told

#: In the ``meta`` of an entry: where it would show messages; or why nobody knows.
TOLD: Final = "told"
UNTOLD: Final = "untold"
#: They speak for a page without messages.
_OF_THE_REST: Final = ("ETag", "Last-Modified", "Expires", "Content-Encoding")
#: As JSON keeps it: how many holes come before it; where, and how long, in bytes of the text
#: without holes; what belongs there.
Span = list[Any]


@dataclass(slots=True)
class Spoken:
    """Of a page that has been made: its spans, and what its maker was shown in them.

    ``kept`` is the page without messages, ``sent`` what its maker gets.
    """

    spans: list[Span] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    kept: bytes = b""
    sent: bytes = b""

    def is_of_its_maker(self) -> bool:
        """Whether there were messages to show to whoever came first."""
        return self.sent != self.kept

    def is_as_sent(self, response: HttpResponse) -> bool:
        """Whether nobody has changed it since; then the response has what is kept again."""
        if self.spans and response.content != self.sent:
            return False
        if self.is_of_its_maker():
            response.content = self.kept
        return True

    @contextmanager
    def unsaid(self, response: HttpResponseBase) -> Iterator[None]:
        """Without the cookie that tells its maker, and nobody else, that they have been shown."""
        shown = response.cookies.pop(COOKIE, None) if self.spans else None
        try:
            yield
        finally:
            if shown is not None:
                response.cookies[COOKIE] = shown

    def give_back(self, response: HttpResponse) -> None:
        """What its maker is shown, should it not be kept after all."""
        if self.is_of_its_maker() and response.content == self.kept:
            response.content = self.sent
            make_once(response)


def meta_of(spoken: Spoken, regions: Told | None, looks: Sequence[str]) -> dict[str, Any]:
    """What an entry says of it; ``looks``: lines that look at messages elsewhere."""
    if spoken.spans:
        return {TOLD: spoken.spans}
    reasons = [*(regions.reasons if regions is not None else ())]
    reasons += [f"{line} looks at messages" for line in looks]
    return {UNTOLD: (*reasons, "the page is not as its template has made it")[0]}


def marked(content: bytes, charset: str, into: Collector) -> tuple[bytes, list[Region]]:
    """The page of who has no messages, with marks around each region; none if not all are there.

    It must be what a template was rendered to, the same object: nobody has done anything to it.
    """
    for rendering in into.told.renderings:
        regions: list[Region] = rendering.regions
        if len(regions) == into.told.count and rendering.encoded is content and content:
            parts = [rendering.between[0].encode(charset)]
            for n, region in enumerate(regions):
                mark = into.mark([TOLD, n]).encode()
                parts += (mark, region.kept.encode(charset), into.mark([TOLD, n]).encode())
                parts.append(rendering.between[n + 1].encode(charset))
            return b"".join(parts), regions
    return content, []


def taken(holed: Holed, regions: Sequence[Region], charset: str) -> Spoken:
    """The spans, which are no holes any more.

    A page that has other holes is put together at once; else whatever comes after the view sees it
    as its reader does.
    """
    rest: list[Any] = []
    begun: dict[int, int] = {}
    spoken = Spoken()
    for hole in holed.holes:
        offset, _, kind, *more = hole
        if kind != TOLD:
            rest.append(hole)
        elif more[0] not in begun:
            begun[more[0]] = offset
        else:
            start, region = begun[more[0]], regions[more[0]]
            spoken.spans.append([len(rest), start, offset - start, *region.piece])
            spoken.shown.append(region.shown)
    holed.holes = rest
    spoken.kept = spoken.sent = holed.text
    if not rest and spoken.spans:
        spoken.sent = with_shown(holed, spoken.spans, spoken.shown, charset).text
    return spoken


def with_shown(holed: Holed, spans: Sequence[Span], shown: Sequence[str], charset: str) -> Holed:
    """The page with these in its spans; what comes after them has moved."""
    parts: list[bytes] = []
    holes = [[*each] for each in holed.holes]
    at = 0
    for (before, start, length, *_), text in zip(spans, shown, strict=True):
        value = text.encode(charset)
        parts += (holed.text[at:start], value)
        at = start + length
        for hole in holes[before:]:
            hole[0] += len(value) - length
    return Holed(b"".join((*parts, holed.text[at:])), holes)


def refusal(entry: Entry) -> str:
    """Why this reader's messages can't be put into the entry; an empty str if they can."""
    meta = entry.meta
    if TOLD not in meta:
        return meta.get(UNTOLD) or "it shows them where nobody can tell"
    return "" if _is_there(meta) else "its template has changed"


def is_spoken_to(request: HttpRequest, meta: dict[str, Any]) -> bool:
    """Whether this reader is to be shown what others are not."""
    return TOLD in meta and has_messages(request) and _is_there(meta)


def _is_there(meta: dict[str, Any]) -> bool:
    return all(_message_places.is_there(piece) for _, _, _, *piece in meta[TOLD])


def told(request: HttpRequest, holed: Holed, spans: Sequence[Span], charset: str) -> Holed:
    """The page with this reader's messages, which have been shown by that."""
    shown = [_message_places.spoken_to(request, piece) for _, _, _, *piece in spans]
    return with_shown(holed, spans, shown, charset)


def make_once(response: HttpResponse) -> None:
    """It is for one reader, once: nobody may keep it, or say that it has not changed."""
    for name in _OF_THE_REST:
        response.headers.pop(name, None)
    response["Cache-Control"] = "private, no-store"
    patch_vary_headers(response, ["Cookie"])
