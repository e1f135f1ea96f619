"""The table of ``top`` as lines of text, for any width from 40 columns on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Final
from unicodedata import east_asian_width

from unhurried.measure import StoreError

from . import _format
from ._bars import LABELS, whole_percents
from ._format import SPACE, plural
from ._numbers import Row, in_order, rows

#: part -> (letter, ANSI background); a letter stands on its colour, so either alone will do.
PARTS: Final = {
    "view": ("v", "44"),
    "db": ("d", "43"),
    "cache": ("c", "42"),
    "http": ("h", "45"),
    "template": ("t", "46"),
}
EMPTY: Final = "Nothing measured yet. Open any page."
ELSEWHERE: Final = (
    "If the site has been asked already, it measures into another folder: run this as the user "
    "the site runs as and with the same settings, or name the folder in UNHURRIED['STORE']."
)
Rates = dict[str, float]


@dataclass(frozen=True, slots=True)
class Column:
    """Shown where the terminal has at least ``least`` columns."""

    title: str
    width: int
    least: int
    text: Callable[[Row, Rates], str]


COLUMNS: Final = (
    Column("time", 6, 56, lambda row, rates: _format.percent(row.share)),
    Column("req/s", 6, 0, lambda row, rates: _rate(rates)),
    Column("p50", 8, 66, lambda row, rates: _format.seconds(row.numbers["wall"]["p50"])),
    Column("p95", 8, 0, lambda row, rates: _format.seconds(row.numbers["wall"]["p95"])),
    Column("q50", 6, 0, lambda row, rates: _format.count(row.numbers["queries"]["p50"])),
    Column("q95", 6, 74, lambda row, rates: _format.count(row.numbers["queries"]["p95"])),
    Column("errors", 6, 50, lambda row, rates: _format.count(row.numbers["errors"])),
    Column("flight", 6, 82, lambda row, rates: _format.count(row.numbers["in_flight"])),
)
BAR_FROM: Final = 98  # columns


class _Layout:
    """What is shown in the width there is, and whether in colour."""

    def __init__(self, width: int, *, colour: bool) -> None:
        self.width, self.colour = width, colour
        self.columns = [column for column in COLUMNS if width >= column.least]
        self.bar = min((width - BAR_FROM) // 2 + 10, 40) if width >= BAR_FROM else 0
        taken = sum(column.width + 1 for column in self.columns)
        self.name = max(width - taken - (self.bar + 2 if self.bar else 0), 8)

    def strong(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self.colour else text

    def painted(self, part: str, times: int) -> str:
        letter, background = PARTS[part]
        if not times:
            return ""
        text = letter * times
        return f"\x1b[30;{background}m{text}\x1b[0m" if self.colour else text

    def titles(self) -> str:
        titles = "".join(f" {column.title:>{column.width}}" for column in self.columns)
        bar = "  where the time goes"[: self.bar + 2] if self.bar else ""
        return self.strong(f"{'route'.ljust(self.name)}{titles}{bar}")

    def legend(self) -> str:
        return "  ".join(f"{self.painted(part, 1)} {LABELS[part]}" for part in PARTS)


def lines(found: dict[str, Any], width: int, most: int | None = None, *, colour: bool) -> list[str]:
    """The head, and as many rows as there is room for."""
    head = [*_head(found, width), ""]
    if not found["routes"]:
        return [*head, *_wrapped(EMPTY, width), "", *_wrapped(ELSEWHERE, width)]
    layout = _Layout(width, colour=colour)
    ranked = rows((route["kind"], name, route) for name, route in found["routes"].items())
    rates = found["rates"]["routes"]
    body = [_line(row, rates.get(row.name, {}), layout) for row in ranked]
    legend = ["", layout.legend()] if layout.bar else []
    room = None if most is None else max(most - len(head) - len(legend) - 1, 1)
    return [*head, layout.titles(), *body[:room], *legend]


def trouble(error: StoreError, width: int) -> list[str]:
    return [*_wrapped(str(error), width), "", *_wrapped(error.hint, width)]


def _head(found: dict[str, Any], width: int) -> Iterator[str]:
    """``unhurried  4 workers, this host only  118 req/s  0 errors/s  measuring costs 0.7 %``"""
    where = "this host only" if found["hosts"] == 1 else plural(found["hosts"], "host")
    parts = [f"unhurried  {plural(found['workers'], 'worker')}, {where}"]
    if "requests" in found["rates"]:
        rates = found["rates"]
        parts.append(f"{_format.digits(rates['requests'])} req/s")
        parts.append(f"{_format.digits(rates['errors'])} errors/s")
    if found["cost"] is not None:
        parts.append(f"measuring costs {_format.percent(found['cost'])}")
    parts.append(found["store"])
    line = ""
    for part in (printable(part) for part in parts):
        if line and len(line) + len(part) + 3 > width:
            yield fit(line, width).rstrip()
            line = ""
        line = f"{line}   {part}" if line else part
    yield fit(line, width).rstrip()


def _wrapped(text: str, width: int) -> list[str]:
    return wrap(printable(text), max(width, 20))


def _line(row: Row, rates: Rates, layout: _Layout) -> str:
    name = fit(printable(row.label), layout.name)
    cells = "".join(
        f" {column.text(row, rates).replace(SPACE, ' '):>{column.width}}"
        for column in layout.columns
    )
    return f"{name}{cells}" + (f"  {_bar(row, layout)}" if layout.bar else "")


def _rate(rates: Rates) -> str:
    if "requests" not in rates:
        return "-"
    return _format.digits(rates["requests"])


def _bar(row: Row, layout: _Layout) -> str:
    """``vvvvvvddddddddtt``, as long as its column."""
    where = in_order(row.numbers["where"])
    text, used, reached = "", 0, 0
    for part, percent in zip(where, whole_percents(list(where.values())), strict=True):
        reached += percent
        end = round(reached * layout.bar / 100)
        text += layout.painted(part, end - used)
        used = end
    return text


def printable(text: str) -> str:
    """A name may hold anything, an escape sequence too."""
    return "".join(c if c.isprintable() else " " if c == SPACE else "?" for c in text)


def fit(text: str, width: int) -> str:
    """Cut or filled to a width in terminal cells, of which wide characters take two."""
    if sum(map(_cells, text)) <= width:
        return text + " " * (width - sum(map(_cells, text)))
    kept, used = "", 0
    for character in text:
        if used + _cells(character) > width - 1:
            break
        kept, used = kept + character, used + _cells(character)
    return kept + "~" + " " * (width - 1 - used)


def _cells(character: str) -> int:
    return 2 if east_asian_width(character) in "WF" else 1
