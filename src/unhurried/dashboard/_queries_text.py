"""``manage.py unhurried queries``: what production saw of queries, as a document or as text."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from textwrap import wrap
from typing import Any, Final, TextIO

from unhurried.measure.reading import folder

from . import _format, _routes
from ._format import SPACE, plural
from ._numbers import Site, read
from ._queries import Asked, Repeat, brief
from ._queries import read as read_asked
from ._top_text import ELSEWHERE, fit, printable

EMPTY: Final = "No query seen yet. Open any page that asks a database."
NONE_HERE: Final = "No query was seen on {route}. Routes that ask: {routes}."
HEALTHY: Final = "None: nothing was asked three times over from one line."
INDENT: Final = "    "


def find(route: str | None = None) -> tuple[Site, Asked]:
    """Everything, or what one route or unit asked, with or without its leading slash."""
    prefix = _routes.own_prefix()
    site = read(prefix)
    asked = read_asked(site, prefix)
    if route is None:
        return site, asked
    for row in (*site.routes, *site.units, *site.own):
        if route in (row.label, row.name):
            return site, read_asked(site, only=(row.kind, row.name))
    return site, Asked()


def document(limit: int, route: str | None = None) -> dict[str, Any]:
    """{"at", "store", "statements": […], "sightings": […]}, see docs/reference/snapshot.md.

    Each sighting has a ``proof``: what a replay found, or None while none was tried.
    """
    _, asked = find(route)
    return {
        "at": time.time(),
        "store": str(folder()),
        "statements": asked.statements[:limit],
        "sightings": asked.sightings,
    }


def print_all(out: TextIO, limit: int, route: str | None = None) -> None:
    width = shutil.get_terminal_size((100, 24)).columns
    for line in lines(limit, route, width):
        out.write(line + "\n")


def lines(limit: int, route: str | None, width: int) -> Iterator[str]:
    """The table, then the repeats; or what to do where there is nothing."""
    site, asked = find(route)
    if not asked.statements:
        yield from _nothing(site, route, width)
        return
    yield from _statements(asked, limit, width)
    yield ""
    yield "Lines that repeat their queries"
    yield from wrap(HEALTHY, width) if not asked.repeats else ()
    for repeat in asked.repeats:
        yield ""
        yield from _repeat(repeat, width)


def _nothing(site: Site, route: str | None, width: int) -> Iterator[str]:
    prefix = _routes.own_prefix()
    asking = [place.label for text in read_asked(site, prefix).texts for place in text.places]
    if route is not None and asking:
        known = ", ".join(dict.fromkeys(asking))
        yield from wrap(printable(NONE_HERE.format(route=route, routes=known)), max(width, 20))
        return
    yield from wrap(EMPTY, max(width, 20))
    yield ""
    yield from wrap(ELSEWHERE, max(width, 20))


def _statements(asked: Asked, limit: int, width: int) -> Iterator[str]:
    total = sum(each["seconds"] + each["fetch"] for each in asked.statements) or 1.0
    way = sum(min(each["count"] * each["floor"], each["seconds"]) for each in asked.statements)
    trips = plural(sum(each["count"] for each in asked.statements), "round trip")
    head = (
        f"{trips}, {_seconds(total)}: {_seconds(way)} on the way, {_seconds(total - way)} of work"
    )
    yield from wrap(_plain(head), max(width, 20))
    yield ""
    yield fit("  time   in all    times   each     mean  route", width).rstrip()
    for each in asked.statements[:limit]:
        yield from _statement(each, total, width)
    if more := len(asked.statements[limit:]):
        yield f"{more:,} more: --limit {len(asked.statements)}"


def _statement(each: dict[str, Any], total: float, width: int) -> Iterator[str]:
    """Numbers and route; the text below; the lines that asked, as far as they were seen."""
    seconds = each["seconds"] + each["fetch"]
    cells = (
        (_format.percent(seconds / total), 6),
        (_seconds(seconds), 8),
        (_format.count(each["count"]), 8),
        (_format.count(each["count"] / max(each["requests"], 1)), 6),
        (_seconds(seconds / max(each["count"], 1)), 8),
    )
    numbers = " ".join(f"{_plain(text):>{size}}" for text, size in cells)
    yield fit(f"{numbers}  {printable(_label(each))}", width).rstrip()
    yield fit(INDENT + printable(brief(each["sql"])), width).rstrip()
    if each["lines"]:
        yield fit(f"{INDENT}at {printable(', '.join(each['lines']))}", width).rstrip()


def _label(each: dict[str, Any]) -> str:
    alias = "" if each["alias"] in ("default", "") else f"  [{each['alias']}]"
    return f"{each['label']}{alias}"


def _repeat(repeat: Repeat, width: int) -> Iterator[str]:
    yield from _hanging(f"{repeat.loop} {_does(repeat)}   {repeat.word}", "", width)
    cost = (
        f"{repeat.place.label}: {_format.count(repeat.each)} queries each time, in "
        f"{repeat.seen_in}, {_seconds(repeat.seconds)} in all"
    )
    yield from _hanging(cost, INDENT, width)
    if repeat.through:
        yield from _hanging(f"reached through {', '.join(repeat.through)}", INDENT, width)
    if repeat.proof and repeat.proof["origin"]:
        yield from _hanging(f"the rows come from {repeat.proof['origin']}", INDENT, width)
    for line in repeat.diff:
        yield INDENT + printable(line.text)
    if repeat.proof and not repeat.diff and repeat.proof["remedy"]:
        yield from _hanging(repeat.proof["remedy"], INDENT, width)
    if repeat.why:
        yield from _hanging(repeat.why, INDENT, width)
    if repeat.verdict == "untried" and repeat.command:
        yield INDENT + printable(repeat.command)


def _does(repeat: Repeat) -> str:
    if repeat.kind == "duplicate":
        return "asks the same again"
    if repeat.relation:
        return f"reads {repeat.relation}, one row at a time"
    return "asks for one row at a time"


def _hanging(text: str, indent: str, width: int) -> list[str]:
    return wrap(
        printable(_plain(text)),
        max(width, 30),
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_on_hyphens=False,
    )


def _seconds(value: float) -> str:
    return _plain(_format.seconds(value))


def _plain(text: str) -> str:
    return text.replace(SPACE, " ")
