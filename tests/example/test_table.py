"""The demo's table fits any terminal and says what was measured, in people's units."""

import sys

import pytest

from .conftest import EXAMPLE


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(EXAMPLE)])
    from backstage.table import table

    return table


def route(p50, total, queries=101.0, errors=0):
    wall = {"count": 9, "sum": total, "p50": p50, "p95": 2.5, "p99": 3.0, "max": 3.0}
    return {"requests": 9, "errors": errors, "wall": wall, "queries": wall | {"p50": queries}}


TITLES = ("req/s", "p50", "p95", "queries")
ROUTES = {
    "slow/feed/": route(0.0384, 1.0),
    "fixed/feed/": route(0.0042, 0.1, queries=1.0),
    "fast/feed/": route(0.0004, 0.01, queries=0.0),
    "slow/messages/received/": route(0.0042, 5.0),
    "fixed/messages/received/": route(0.0041, 4.0),
    "unhurried/": route(0.1, 9.0, errors=3),
}


def test_rows_are_pages_with_their_twins_by_time_taken(table):
    head, first, second = table(ROUTES, seconds=3, width=120)
    assert head.split() == ["slow→fixed→fast", *TITLES, "faster"]
    assert first.split()[:1] == ["messages/received/"]
    assert second.split("  ", 1)[0] == "feed/"
    assert " ".join(second.split()[1:]) == (
        "3 → 3 → 3 38 ms → 4.2 ms → 0.4 ms 2.50 s → 2.50 s → 2.50 s 101 → 1 → 0 100x"
    )


def test_errors_are_shown_where_there_are_any(table):
    failing = ROUTES | {"fixed/feed/": route(0.0042, 0.1, errors=2)}
    for width in (60, 80, 200):
        head, _, feed = table(failing, seconds=3, width=width)
        assert head.split()[-2:] == ["errors", "faster"]
        assert feed.split()[-6:] == ["0", "→", "2", "→", "0", "100x"]


@pytest.mark.parametrize("width", [40, 50, 60, 72, 80, 200])
def test_it_fits(table, width):
    long = ROUTES | {"slow/" + "a" * 99: route(1.0, 1.0), "slow/user/<username>/": route(1.0, 1.0)}
    lines = table(long, seconds=3, width=width)
    assert max(map(len, lines)) <= width
    assert "queries" in lines[0]


def test_eighty_columns_hold_all_of_the_site(table):
    lines = table(ROUTES, seconds=3, width=80)
    assert "messages/" in lines[1]
    assert all(title in lines[0] for title in ("p50", "queries", "faster"))


def test_nothing_measured_yet(table):
    under_way = route(0.0, 0.0) | {"requests": 0}
    lines = table({"slow/report/": under_way}, seconds=1, width=80)
    assert lines[1].split() == ["report/"] + ["-", "→", "-", "→", "-"] * 2 + ["-"]
    assert len(table({}, seconds=0, width=80)) == 1
