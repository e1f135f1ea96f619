"""The table of routes, made from what unhurried measured."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PREFIX = "slow/"
GAP = "  "
SHORTEST_ROUTE = 20


@dataclass(frozen=True)
class Column:
    """A heading, how wide, and how to write the cell of a route seen for ``seconds``.

    On a narrow terminal the columns that are ``first_to_go`` make room, lowest number first.
    """

    title: str
    width: int
    first_to_go: int
    cell: Callable[[dict[str, Any], float], str]


COLUMNS = (
    Column("req/s", 6, 1, lambda route, seconds: f"{route['requests'] / max(seconds, 0.001):.1f}"),
    Column("p50", 7, 3, lambda route, _: duration(route["wall"]["p50"])),
    Column("p95", 7, 4, lambda route, _: duration(route["wall"]["p95"])),
    Column("queries", 7, 5, lambda route, _: f"{route['queries']['p50']:.0f}"),
    Column("errors", 6, 2, lambda route, _: str(route["errors"])),
)


def duration(seconds: float) -> str:
    """Seconds as people say them: ``38 ms``, ``1.24 s``."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.00995 else f"{seconds * 1000:.1f} ms"
    return f"{seconds:.2f} s"


def table(routes: dict[str, dict[str, Any]], seconds: float, width: int) -> list[str]:
    """Lines of at most ``width`` characters, the route that takes most of the time first."""
    shown = {name: route for name, route in routes.items() if name.startswith(PREFIX)}
    names = sorted(shown, key=lambda name: -shown[name]["wall"]["sum"])
    longest = max((len(name) + 1 for name in names), default=SHORTEST_ROUTE)
    columns, room = _fit(max(longest, SHORTEST_ROUTE), width)
    head = ["route".ljust(room), *(column.title.rjust(column.width) for column in columns)]
    lines = [GAP.join(head)]
    for name in names:
        cells = [_cell(column, shown[name], seconds) for column in columns]
        lines.append(GAP.join([_cut("/" + name, room).ljust(room), *cells]))
    return lines


def _cell(column: Column, route: dict[str, Any], seconds: float) -> str:
    # Requests under way make a route known before the first of them is measured.
    text = column.cell(route, seconds) if route["requests"] else "-"
    return text.rjust(column.width)


def _fit(longest: int, width: int) -> tuple[list[Column], int]:
    """The columns there is room for, and the room left for the route."""
    columns = list(COLUMNS)
    while len(columns) > 1 and _left(columns, width) < min(longest, SHORTEST_ROUTE):
        columns.remove(min(columns, key=lambda column: column.first_to_go))
    return columns, min(longest, max(_left(columns, width), SHORTEST_ROUTE))


def _left(columns: list[Column], width: int) -> int:
    return width - sum(column.width + len(GAP) for column in columns)


def _cut(text: str, room: int) -> str:
    """Both ends say more than the beginning alone."""
    if len(text) <= room:
        return text
    end = room // 2
    return f"{text[: room - end - 1]}…{text[-end:]}"
