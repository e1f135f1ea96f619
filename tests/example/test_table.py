"""The demo's table fits any terminal and says what was measured, in people's units."""

import sys

import pytest

from .conftest import EXAMPLE


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(EXAMPLE)])
    from backstage.table import table

    return table


def route(p50, total):
    wall = {"count": 9, "sum": total, "p50": p50, "p95": 2.5, "p99": 3.0, "max": 3.0}
    return {"requests": 9, "errors": 1, "wall": wall, "queries": wall | {"p50": 101.0}}


ROUTES = {
    "slow/feed/": route(0.0384, 1.0),
    "slow/messages/received/": route(0.0042, 5.0),
    "unhurried/": route(0.1, 9.0),
}


def test_rows_are_the_slow_pages_by_time_taken(table):
    head, first, second = table(ROUTES, seconds=3, width=80)
    assert head.split() == ["route", "req/s", "p50", "p95", "queries", "errors"]
    assert first.split() == [
        "/slow/messages/received/",
        "3.0",
        "4.2",
        "ms",
        "2.50",
        "s",
        "101",
        "1",
    ]
    assert second.split() == ["/slow/feed/", "3.0", "38", "ms", "2.50", "s", "101", "1"]


@pytest.mark.parametrize("width", [40, 50, 60, 72, 200])
def test_it_fits(table, width):
    lines = table(ROUTES, seconds=3, width=width)
    assert max(map(len, lines)) <= width
    assert "queries" in lines[0]


def test_nothing_measured_yet(table):
    under_way = route(0.0, 0.0) | {"requests": 0}
    assert table({"slow/report/": under_way}, seconds=1, width=80)[1].split()[1:] == ["-"] * 5
    assert len(table({}, seconds=0, width=80)) == 1
