"""One request drawn on its time line: each query there and back, and what it worked in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from unhurried.queries.reading import Bar, Waterfall

from . import _format
from ._queries import brief

LANES: Final = 40  # statements drawn
LEAST: Final = 0.12  # percent of the width, so that nothing is too thin to be seen


@dataclass(frozen=True, slots=True)
class Piece:
    """``way`` there and back, or ``work``; ``x`` and ``width`` in percent, as SVG wants them."""

    name: str
    x: str
    width: str


@dataclass(slots=True)
class Lane:
    """A statement and each time it was asked."""

    sql: str
    line: str | None
    count: int = 0
    seconds: float = 0.0
    way: float = 0.0
    pieces: list[Piece] = field(default_factory=list)

    @property
    def brief(self) -> str:
        return brief(self.sql)

    @property
    def said(self) -> str:
        """``96 times, 270 ms: 250 ms on the way, 20 ms of work``"""
        way, work = (_format.seconds(value) for value in (self.way, self.seconds - self.way))
        times = "once" if self.count == 1 else f"{self.count:,} times"
        return f"{times}, {_format.seconds(self.seconds)}: {way} on the way, {work} of work"


@dataclass(frozen=True, slots=True)
class Drawing:
    """The lanes in the order of their first query; what does not fit is counted."""

    lanes: list[Lane]
    wall: float
    queries: int
    way: float
    work: float
    drawn: int
    more: int
    at: float

    @property
    def rest(self) -> float:
        return max(self.wall - self.way - self.work, 0.0)


def drawing(found: Waterfall | None, floors: dict[str, float]) -> Drawing | None:
    """None where there is nothing to draw; ``floors``: shortest round trips by alias, seconds."""
    if found is None or not found.bars or found.wall <= 0:
        return None
    lanes: dict[tuple[str, str], Lane] = {}
    for bar in found.bars:
        lane = lanes.setdefault((bar.alias, bar.sql), Lane(bar.sql, bar.line))
        _draw(lane, bar, min(floors.get(bar.alias, 0.0), bar.seconds), found.wall)
    shown = list(lanes.values())
    way, work = sum(lane.way for lane in shown), sum(lane.seconds - lane.way for lane in shown)
    return Drawing(
        shown[:LANES],
        found.wall,
        found.queries,
        way,
        work,
        len(found.bars),
        len(shown[LANES:]),
        found.at,
    )


def _draw(lane: Lane, bar: Bar, way: float, wall: float) -> None:
    """Half of the way there, the work, half of the way back."""
    lane.count += 1
    lane.seconds += bar.seconds
    lane.way += way
    half, work = way / 2, bar.seconds - way
    lane.pieces.append(_piece("way", bar.start, half, wall))
    lane.pieces.append(_piece("way", bar.start + half + work, half, wall))
    if work:
        lane.pieces.append(_piece("work", bar.start + half, work, wall))


def _piece(name: str, start: float, seconds: float, wall: float) -> Piece:
    x, width = 100 * start / wall, max(100 * seconds / wall, LEAST)
    return Piece(name, f"{min(x, 100 - LEAST):.2f}%", f"{width:.2f}%")


def ticks(wall: float) -> Sequence[tuple[str, str, str]]:
    """(place, text, anchor) of the beginning, the middle and the end."""
    return (
        ("0%", "0", "start"),
        ("50%", _format.seconds(wall / 2), "middle"),
        ("100%", _format.seconds(wall), "end"),
    )
