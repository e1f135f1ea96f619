"""When a plain update would be cheaper, a lane says so, and not before it knows."""

from __future__ import annotations

from typing import Any

import pytest

from unhurried.later._writing._advice import LaneFigures, of_instruments

DEAR = {"calls": 200, "deferred": 200, "statements": 200, "call": 0.002, "apply": 0.001}


def test_where_each_write_is_another_and_writing_it_down_costs_more() -> None:
    said = LaneFigures("inbox.Message", **DEAR).advice
    assert said is not None
    assert "2.0 ms, to apply one 1.0 ms" in said


@pytest.mark.parametrize(
    "better",
    [
        {"calls": 99},
        {"statements": 0},
        {"statements": 20},
        {"merged": 150},
        {"suppressed": 150},
        {"apply": 0.003},
    ],
    ids=str,
)
def test_nothing_is_said_where_it_pays_or_little_is_known(better: dict[str, Any]) -> None:
    assert LaneFigures("inbox.Message", **{**DEAR, **better}).advice is None


def test_from_the_instruments_of_a_site() -> None:
    counters = {
        "later.inbox.Message.deferred": 10,
        "later.inbox.Message.statements": 2,
        "orders": 3,
        "later.me": 1,
    }
    timers = {"later.inbox.Message.call": {"count": 4, "sum": 2.0}}
    assert of_instruments(counters, timers) == {
        "inbox.Message": LaneFigures(
            "inbox.Message", calls=4, deferred=10, statements=2, call=0.5, apply=0.0
        )
    }
