"""The table of pages, each slow, fixed and kept, made from what unhurried measured."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SIDES = ("slow/", "fixed/", "fast/")
HEAD = "slow→fixed→fast"
GAP, ARROW = "  ", " → "
SHORTEST_PAGE = 17

Route = dict[str, Any]
Sides = tuple[Route | None, ...]


@dataclass(frozen=True)
class Column:
    """A heading, how wide one side is, and how to write it for a route seen for ``seconds``.

    On a narrow terminal the columns that are ``first_to_go`` make room, lowest number first.
    """

    title: str
    side: int
    first_to_go: int
    cell: Callable[[Route, float], str]

    @property
    def width(self) -> int:
        return len(SIDES) * self.side + (len(SIDES) - 1) * len(ARROW)


COLUMNS = (
    Column("req/s", 3, 2, lambda route, seconds: f"{route['requests'] / max(seconds, 0.001):.0f}"),
    Column("p50", 6, 3, lambda route, _: duration(route["wall"]["p50"])),
    Column("p95", 6, 1, lambda route, _: duration(route["wall"]["p95"])),
    Column("queries", 3, 5, lambda route, _: f"{route['queries']['p50']:.0f}"),
)
FASTER = "faster"
WIDE = 44  # columns
ERRORS = Column("errors", 3, 4, lambda route, _: str(route["errors"]))  # only where there are any


def duration(seconds: float) -> str:
    """Seconds as people say them: ``38 ms``, ``1.24 s``."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.00995 else f"{seconds * 1000:.1f} ms"
    return f"{seconds:.2f} s"


def table(routes: dict[str, Route], seconds: float, width: int) -> list[str]:
    """Lines of at most ``width`` characters, the page that takes most of the time first."""
    pages = _pages(routes)
    errors = any(route["errors"] for sides in pages.values() for route in sides if route)
    longest = max(map(len, [HEAD, *pages]))
    columns, room = _fit([*COLUMNS, ERRORS] if errors else [*COLUMNS], longest, width)
    titles = [column.title.rjust(column.width) for column in columns]
    last = [FASTER] if width >= WIDE else []
    lines = [GAP.join([HEAD.ljust(room), *titles, *last])]
    for page in sorted(pages, key=lambda page: -_spent(pages[page])):
        cells = [_cell(column, pages[page], seconds) for column in columns]
        cells += [_faster(pages[page]).rjust(len(FASTER))] if last else []
        lines.append(GAP.join([_cut(page, room).ljust(room), *cells]))
    return lines


def _faster(sides: Sides) -> str:
    """How many times as fast the last side is as the first, on average."""
    means = [_mean(route) for route in (sides[0], sides[-1])]
    if not all(means):
        return "-"
    ratio = means[0] / means[1]
    return f"{ratio:.0f}x" if ratio >= 9.95 else f"{ratio:.1f}x"


def _mean(route: Route | None) -> float:
    return route["wall"]["sum"] / route["requests"] if route and route["requests"] else 0.0


def _pages(routes: dict[str, Route]) -> dict[str, Sides]:
    """What stands below the sides, with its routes; None where nobody has been yet."""
    names = {name.removeprefix(side) for side in SIDES for name in routes if name.startswith(side)}
    return {name: tuple(routes.get(side + name) for side in SIDES) for name in names}


def _spent(sides: Sides) -> float:
    return sum(route["wall"]["sum"] for route in sides if route)


def _cell(column: Column, sides: Sides, seconds: float) -> str:
    return ARROW.join(_side(column, route, seconds).rjust(column.side) for route in sides)


def _side(column: Column, route: Route | None, seconds: float) -> str:
    # Requests under way make a route known before the first of them is measured.
    return column.cell(route, seconds) if route and route["requests"] else "-"


def _fit(columns: list[Column], longest: int, width: int) -> tuple[list[Column], int]:
    """The columns there is room for, and the room left for the page."""
    while len(columns) > 1 and _left(columns, width) < min(longest, SHORTEST_PAGE):
        columns.remove(min(columns, key=lambda column: column.first_to_go))
    return columns, min(longest, max(_left(columns, width), SHORTEST_PAGE))


def _left(columns: list[Column], width: int) -> int:
    return width - sum(column.width + len(GAP) for column in columns) - len(GAP + FASTER)


def _cut(text: str, room: int) -> str:
    """Both ends say more than the beginning alone."""
    if len(text) <= room:
        return text
    end = room // 2
    return f"{text[: room - end - 1]}…{text[-end:]}"
