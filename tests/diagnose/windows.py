"""Windows of measurements, made by hand: one healthy site, and what is changed in it."""

from __future__ import annotations

from array import array
from dataclasses import replace

from unhurried.measure.reading import (
    GROUPS,
    LANE,
    ClientRow,
    Lanes,
    Process,
    SampleRow,
    SightingRow,
    StatementRow,
    VitalRow,
    Window,
)

MS = 1_000_000  # nanoseconds
WIDTH = GROUPS["route"].lanes


def lanes(**given):
    words = array("Q", bytes(8 * WIDTH))
    for name, value in given.items():
        words[LANE[name]] = round(value)
    return Lanes(words)


def unit(name):
    return "request", name


def route(requests=1000, wall=8, db=2, template=3, http=0, cache=0, cpu=5, queue=0.1, **more):
    """Means in milliseconds; ``more`` are lanes as they are."""
    each = {"wall": wall, "db": db, "template": template, "http": http, "cache": cache, "cpu": cpu}
    own = {name: value * MS * requests for name, value in each.items()}
    own |= {"queue": queue * MS * requests, "queued": requests, "requests": requests}
    sampled = requests / 16
    own |= {"sampled": sampled, "sampled_wall": sampled * wall * MS}
    return lanes(**own | more)


def statement(name, sql="SELECT 1", count=1000, each=0.3, least=None, lines=("a.py:1",), **more):
    least = least if least is not None else each
    row = StatementRow(
        unit(name), "default", sql, count, count, round(count * each * MS), round(least * MS),
        0, 0, 0, 0,
    )  # fmt: skip
    row.floor = round(least * MS)
    row.lines = dict.fromkeys(lines, 1 / len(lines))
    return replace_all(row, more)


def replace_all(row, more):
    for name, value in more.items():
        setattr(row, name, value)
    return row


def sighting(name, loop, queries, requests=1000, each=0.3, relation="pins.Pin.author", sql="LOOP"):
    ns = round(queries * each * MS)
    row = SightingRow(unit(name), "default", 0, "n+1", relation, loop, (), requests, queries, ns, 0)
    row.sql = sql
    return row


def sample(name, part, line="", package="", ms=1000.0, count=50):
    return SampleRow(unit(name), part, line, package, count, round(ms * MS))


def client(number, ms, requests=50, error=0.0, failed=0):
    return ClientRow(number, round(ms * MS), round(error * MS), requests, failed)


def vital(name, metric, seconds, count=200):
    return VitalRow(name, metric, count, round(seconds * 1e6 * count), [0] * 16)


QUIET = {"beats": 1200, "watched": 60_000 * MS, "late": 100 * MS, "busy": 8000 * MS} | {
    "ran": 12_000 * MS,
    "waited": 600 * MS,
}
PROCESSES = [Process(pid=n, born=0, threads=4, most_busy=2, server=3, debug=False) for n in (1, 2)]
CROWD = [client(n, 400.0) for n in range(1, 21)]


def healthy(**more):
    """Two routes, 8 ms each, on a quiet machine of two cores; a minute of them."""
    window = Window(
        at=1_700_000_000.0,
        seconds=60.0,
        whole=True,
        units={unit("feed/"): route(), unit("books/"): route()},
        statements=[statement("feed/"), statement("books/")],
        samples=[sample("feed/", "view", "a.py:1"), sample("books/", "template", "b.html:2")],
        clients=list(CROWD),
        process=dict(QUIET),
        processes=list(PROCESSES),
        floors={"default": 0.3 * MS},
        cores=2,
    )
    return replace(window, **more)
