"""A distribution drawn as bars from the fine buckets; positions in percent, as SVG wants them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from unhurried.measure.reading import Scale

BARS: Final = 48
LEAST: Final = 12  # bars, so that a single value is no slab
HEIGHT: Final = 96.0
TOP: Final = 46.0  # room above the bars, for the names of the marks
APART: Final = 17.0  # percent between two ticks, so that they do not touch on a telephone
#: Leading digits of round numbers: the first row of which three lie in view is used.
ROUND: Final = (
    (1, 2, 5),
    (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9),
    tuple(n / 10 for n in range(10, 100)),
)
ENOUGH: Final = 3


@dataclass(frozen=True, slots=True)
class Bar:
    x: str
    width: str
    y: str
    height: str
    text: str


@dataclass(frozen=True, slots=True)
class Label:
    """A tick below, or a mark (p50, p95, p99) across the bars."""

    x: str
    text: str
    anchor: str
    y: str = ""


@dataclass(frozen=True, slots=True)
class Histogram:
    bars: list[Bar]
    ticks: list[Label]
    marks: list[Label]
    text: str


class _Axis:
    """The stretch of buckets that is shown, ``group`` of them to a bar."""

    def __init__(self, buckets: Sequence[int], scale: Scale) -> None:
        used = [i for i, n in enumerate(buckets) if n]
        low, high = max(used[0] - 1, 0), used[-1] + 1
        high = max(high, low + LEAST)
        self.scale, self.low = scale, low
        self.group = ceil((high - low + 1) / BARS)
        self.bars = ceil((high - low + 1) / self.group)

    def place(self, value: float) -> float:
        """Percent from the left, in the middle of the value's bar."""
        bar = (self.scale.index(value) - self.low) // self.group
        return 100 * (bar + 0.5) / self.bars

    def edges(self, bar: int) -> tuple[int, int]:
        first = self.low + bar * self.group
        return first, min(first + self.group, self.scale.size)


def histogram(
    buckets: Sequence[int],
    scale: Scale,
    marks: dict[str, float],
    show: Callable[[float], str],
) -> Histogram | None:
    """None where nothing was counted; ``marks`` and the scale share a unit, ``show`` names it."""
    if not any(buckets):
        return None
    axis = _Axis(buckets, scale)
    said = ", ".join(f"{name} {show(value)}" for name, value in marks.items())
    return Histogram(
        _bars(axis, buckets, show), _ticks(axis, show), _marks(axis, marks, show), said
    )


def _bars(axis: _Axis, buckets: Sequence[int], show: Callable[[float], str]) -> list[Bar]:
    counts = [sum(buckets[slice(*axis.edges(bar))]) for bar in range(axis.bars)]
    most, all_of_them, width = max(counts), sum(counts), 100 / axis.bars
    bars = []
    for bar, n in enumerate(counts):
        if n:
            height = max(HEIGHT * n / most, 2.0)
            first, end = axis.edges(bar)
            low, high = show(axis.scale.points[first]), show(axis.scale.points[end - 1])
            where = low if low == high else f"{low} to {high}"
            bars.append(
                Bar(
                    f"{bar * width + width * 0.08:.2f}%",
                    f"{width * 0.84:.2f}%",
                    f"{TOP + HEIGHT - height:.1f}",
                    f"{height:.1f}",
                    f"{where}: {n:,} ({100 * n / all_of_them:.1f} %)",
                )
            )
    return bars


def _ticks(axis: _Axis, show: Callable[[float], str]) -> list[Label]:
    """Round values, as many as have room; the ends where no round one lies between."""
    first, last = axis.edges(0)[0], min(axis.edges(axis.bars - 1)[1], axis.scale.size) - 1
    low, high = axis.scale.points[first], axis.scale.points[last]
    values = _round_values(low, high)
    ticks: list[Label] = []
    at = -APART
    for value in values:
        place = axis.place(value)
        if place - at >= APART:
            ticks.append(Label(f"{place:.2f}%", show(value), _anchor(place)))
            at = place
    return ticks


def _round_values(low: float, high: float) -> list[float]:
    values = [low, high]
    for row in ROUND:
        every = [0.0, *(digit * 10.0**power for power in range(14) for digit in row)]
        values = [v for v in every if low <= v <= high and v.is_integer()]
        if len(values) >= ENOUGH:
            break
    return values or [low, high]


def _marks(axis: _Axis, marks: dict[str, float], show: Callable[[float], str]) -> list[Label]:
    """Each on a line of its own, so that close ones stay legible."""
    labels = []
    for line, (name, value) in enumerate(marks.items()):
        place = axis.place(value)
        side = "end" if place > 75 else "start"
        labels.append(Label(f"{place:.2f}%", f"{name} {show(value)}", side, str(11 + 15 * line)))
    return labels


def _anchor(place: float) -> str:
    return "start" if place < 4 else "end" if place > 96 else "middle"
