"""Bars that add up to 100 %, as numbers for SVG: no inline style, whatever the policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Final

LABELS: Final = {
    "view": "view",
    "db": "database",
    "cache": "cache",
    "http": "http",
    "template": "templates",
    "cpu": "on the CPU",
    "off": "off it, waiting",
    "queue": "in the queue",
    "browser": "browsers",
    "way": "on the way",
    "work": "work",
    "kept": "served from the cache",
    "made": "computed",
}


@dataclass(frozen=True, slots=True)
class Segment:
    """One part; ``x`` and ``width`` are percent of the bar, as SVG wants them."""

    name: str
    label: str
    value: float
    percent: int
    x: str
    width: str


def stacked(parts: Mapping[str, float], room: float = 1.0) -> list[Segment]:
    """The parts side by side over ``room`` (a share) of the bar."""
    total = sum(parts.values())
    percents = whole_percents(list(parts.values()))
    segments, x = [], 0.0
    for (name, value), percent in zip(parts.items(), percents, strict=True):
        width = 100 * room * value / total if total else 0.0
        segments.append(
            Segment(name, LABELS.get(name, name), value, percent, f"{x:.2f}%", f"{width:.2f}%")
        )
        x += width
    return segments


def whole_percents(values: Sequence[float]) -> list[int]:
    """Whole percents that add to 100, by largest remainder (Hamilton's method)."""
    total = sum(values)
    if not total:
        return [0 for _ in values]
    exact = [100 * value / total for value in values]
    percents = [floor(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: percents[i] - exact[i])
    for i in by_remainder[: 100 - sum(percents)]:
        percents[i] += 1
    return percents


def text(segments: Sequence[Segment]) -> str:
    """The bar in words, for who can't see it."""
    return ", ".join(f"{s.label} {s.percent} %" for s in segments if s.percent) or "nothing"
