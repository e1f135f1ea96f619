"""History: samples of their own span, bounded, published where hosts share a cache."""

from __future__ import annotations

import json
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from unhurried.measure import _history as history
from unhurried.measure import counter, histogram, snapshot, timer
from unhurried.measure._history import PUBLISHED, SPANS, History, hosts, series, totals
from unhurried.measure._layout import LANE, LANES, VERSION


@pytest.fixture
def folder(store: Path) -> Path:
    return store / f"v{VERSION}"


def test_a_sample_is_what_happened_in_between(client: Client, folder: Path) -> None:
    now = time.time()
    for _ in range(5):
        client.get("/empty/")
    writer = History(folder)
    writer.sample(now - 10)
    for _ in range(3):
        client.get("/empty/")
    client.get("/status/500/")
    timer("thumb").update(0.5)
    histogram("basket").update(3)
    counter("orders").increment(7)
    writer.sample(now)
    [(at, sample)] = series(folder, "hour")
    assert at == pytest.approx(now)
    assert sample["seconds"] == pytest.approx(10)
    assert sample["routes"]["request\tempty/"]["requests"] == 3
    assert (sample["total"]["requests"], sample["total"]["errors"]) == (4, 1)
    assert sample["timers"]["thumb"]["p50"] == pytest.approx(0.5, rel=0.01)
    assert sample["histograms"]["basket"]["count"] == 1
    assert sample["counters"] == {"orders": 7}
    assert totals(folder, "hour") == [(at, {k: sample[k] for k in ("seconds", "total")})]


def test_a_lane_that_has_fallen_is_nothing_and_takes_nothing_from_its_neighbour() -> None:
    before, after = array("Q", [0] * LANES), array("Q", [7] * LANES)
    before[LANE["cpu_db"]] = before[LANES - 1] = 9
    found = history._minus(after, before)
    for lane in ("wall_max", "queries_max", "started", "cpu_db"):
        assert found[LANE[lane]] == 0
    assert found[LANES - 1] == 0
    assert sum(found) == 7 * (LANES - 5)
    before[LANE["cpu_db"]] = before[LANES - 1] = 3
    assert sum(history._minus(after, before)) == 7 * (LANES - 5) + 8


def test_each_span_has_its_own_step_and_end(client: Client, folder: Path) -> None:
    start = time.time() - 2 * 3600
    client.get("/empty/")
    writer = History(folder)
    for step in range(0, 2 * 3600 + 1, 60):
        if step % 600 == 0:
            client.get("/empty/")
        writer.sample(start + step)
    assert 59 <= len(series(folder, "hour")) <= 61
    assert len(series(folder, "day")) == 120
    month = series(folder, "month")
    assert len(month) == 12
    assert sum(sample["total"]["requests"] for _, sample in month) == 12
    assert set(SPANS) == {"hour", "day", "month"}


def test_nothing_measured_has_no_history(folder: Path) -> None:
    assert series(folder, "hour") == []


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test's local-memory cache, taken for one that other hosts see."""
    monkeypatch.setattr(history, "shared_cache", lambda: True)
    cache.clear()
    yield
    cache.clear()


def test_hosts_see_each_other(client: Client, folder: Path, shared: None, monkeypatch: Any) -> None:
    client.get("/empty/")
    for name in ("one", "two"):
        monkeypatch.setattr("socket.gethostname", lambda name=name: name)
        History(folder).publish(snapshot())
    assert hosts(snapshot()["workers"]) == (2, 2)
    known = json.loads(cache.get(PUBLISHED))
    known["one"]["at"] -= history.LIVES + 1
    cache.set(PUBLISHED, json.dumps(known))
    assert hosts(1) == (1, 1), "a host that has fallen silent is not counted"
    assert json.loads(cache.get("unhurried:host:two"))["routes"]["empty/"]["requests"] == 1


def test_without_a_shared_cache_it_is_this_host(store: Path) -> None:
    assert hosts(3) == (1, 3)


def test_what_others_left_in_the_cache_breaks_nothing(shared: None) -> None:
    cache.set(PUBLISHED, "{no json")
    assert hosts(2) == (1, 2)
