"""Plaintext to a Carbon: everything in the snapshot, across outages, waiting for nobody."""

from __future__ import annotations

import re
import socket
import time
from types import SimpleNamespace

import pytest

from unhurried.measure import _sampler, counter, gauge, histogram, meter, snapshot, timer
from unhurried.measure.sinks import graphite

from .conftest import PATIENCE, Lines, counted, unit, wait_for

LINE = re.compile(r"[A-Za-z0-9_\-.]+ -?[0-9.e+\-]+ [0-9]{10}")


def tick() -> None:
    """What the elected process does every ten seconds."""
    numbers = snapshot()
    for subscriber in list(_sampler.every):
        subscriber(numbers)


def parsed(lines: list[str]) -> dict[str, float]:
    assert all(map(LINE.fullmatch, lines)), lines
    return {name: float(value) for name, value, _ in (line.split(" ") for line in lines)}


@pytest.fixture
def carbon(sinks, lines):
    """A listener, and the sink that sends to it."""
    with sinks(graphite={"port": lines.port, "prefix": "shop"}):
        yield lines


def test_everything_in_the_snapshot_arrives(carbon):
    unit("user/<int:pk>/", queries=3)
    unit("user/<int:pk>/", status=500, queries=5)
    unit("job", kind="unit", status=0)
    counter("orders").decrement(2)
    gauge("debt").set(-1.5)
    meter("logins").mark(4)
    histogram("basket").update(2.5)
    timer("thumb").update(0.25)
    tick()
    found = wait_for(lambda: parsed(carbon.lines()), "a reading")
    route = snapshot()["routes"]["user/<int:pk>/"]
    expected = {
        "shop.workers": 1,
        "shop.request.user._int_pk_.count": 2,
        "shop.request.user._int_pk_.errors": 1,
        "shop.request.user._int_pk_.wall.p95": route["wall"]["p95"],
        "shop.request.user._int_pk_.queries.p50": 3,
        "shop.request.user._int_pk_.queries.p95": 5,
        "shop.unit.job.count": 1,
        "shop.counter.orders": -2,
        "shop.gauge.debt": -1.5,
        "shop.meter.logins.count": 4,
        "shop.histogram.basket.count": 1,
        "shop.histogram.basket.max": 2.5,
        "shop.timer.thumb.sum": 0.25,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found["shop.timer.thumb.p50"] == pytest.approx(0.25, rel=0.01)
    assert found["shop.meter.logins.m1"] > 0
    assert "shop.gauge.odd" not in found


def test_quantiles_of_the_last_ten_seconds_where_they_are_known():
    total = dict.fromkeys(("p50", "p95", "p99", "max"), 9.0)
    recent = dict.fromkeys(("p50", "p95", "p99"), 1.0)
    route = {"name": "feed/", "kind": "request", "requests": 7, "errors": 0}
    route |= {"wall": total, "queries": total}
    numbers = {
        "workers": 1,
        "routes": {"feed/": route, "idle/": {**route, "name": "idle/"}},
        **{key: {} for key in ("counters", "gauges", "meters")},
        "histograms": {},
        "timers": {"thumb": {"count": 7, "sum": 3.5, **total}},
        "last": {
            "routes": {"request\tfeed/": {"wall": recent, "queries": recent}},
            "histograms": {},
            "timers": {"thumb": {"count": 1, **recent}},
        },
    }
    found = dict(graphite.points(numbers))
    assert found["request.feed.count"] == found["request.idle.count"] == 7
    assert found["request.feed.wall.p99"] == found["request.feed.queries.p50"] == 1
    assert "request.idle.wall.p99" not in found
    assert (found["timer.thumb.count"], found["timer.thumb.sum"]) == (7, 3.5)
    assert found["timer.thumb.p95"] == 1
    assert "timer.thumb.max" not in found


def test_an_outage_is_made_up_for(carbon):
    unit()
    tick()
    wait_for(lambda: "shop.workers" in parsed(carbon.lines()), "the first reading")
    port = carbon.port
    carbon.close()
    for n in range(3):
        gauge("n").set(n)
        tick()
    carbon.__init__(port)

    def points() -> list[str]:
        """Each once: what was sent just before a connection broke may come twice."""
        lines = [line for line in carbon.lines() if line.startswith("shop.gauge.n ")]
        return list(dict.fromkeys(lines))

    wait_for(lambda: len(points()) >= 3, "the readings of the outage")
    assert [line.split(" ")[1] for line in points()] == ["0.0", "1.0", "2.0"]
    assert counted("unhurried.graphite.lost") == 0


def test_what_the_buffer_can_not_hold_is_counted(sinks, closed_port, monkeypatch):
    monkeypatch.setattr(graphite.Graphite, "limit", 5)
    with sinks(graphite={"port": closed_port}):
        for _ in range(8):
            _sampler.every[-1]({**snapshot(), "routes": {}, "counters": {}})  # one line each
        wait_for(lambda: counted("unhurried.graphite.lost") >= 3, "three lines lost")
    assert counted("unhurried.graphite.lost") == 8, "at the end all are"


def test_attempts_become_fewer(closed_port, monkeypatch):
    frozen = SimpleNamespace(monotonic=lambda: 1000.0, time=time.time)
    monkeypatch.setattr(graphite, "time", frozen)
    sender = graphite.Graphite(graphite.Options(port=closed_port))
    sender.buffer.append(graphite.Reading(b"a 1 1\n", 1))
    waits = []
    for _ in range(8):
        sender.retry_at = 0.0
        sender.deliver()
        waits.append(sender.retry_at - 1000)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert len(sender.buffer) == 1
    sender.stop()


def test_a_listener_that_never_reads_holds_nobody_up(monkeypatch):
    monkeypatch.setattr(graphite, "TIMEOUT", 0.1)
    big = graphite.Reading(b"x" * 20_000_000, 7)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        sender = graphite.Graphite(graphite.Options(port=deaf.getsockname()[1]))
        sender.buffer.append(big)
        began = time.monotonic()
        sender.deliver()
        assert time.monotonic() - began < PATIENCE
        assert list(sender.buffer) == [big], "kept for later"
        assert sender.retry_at > began
        monkeypatch.setattr(sender, "connected", None)
        sender.deliver()  # not yet
    sender.stop()
    sender.close()


@pytest.mark.parametrize("host", ["192.0.2.1", "carbon.invalid"])
def test_a_black_hole_holds_nobody_up(sinks, host):
    """TEST-NET-1 leads nowhere (RFC 5737), and .invalid has no address (RFC 6761)."""
    with sinks(graphite={"host": host}):
        began = time.monotonic()
        for _ in range(50):
            tick()
        assert time.monotonic() - began < PATIENCE


def test_a_reading_cut_off_by_a_timeout_is_sent_whole_again(monkeypatch):
    monkeypatch.setattr(graphite, "TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        sender = graphite.Graphite(graphite.Options(port=port))
        reading = graphite.Reading(b"a.b 1 1700000000\n" * 1_000_000, 1_000_000)
        sender.buffer.append(reading)
        sender.deliver()
    listener = Lines(port)
    sender.retry_at = 0.0
    monkeypatch.setattr(graphite, "TIMEOUT", PATIENCE)
    sender.deliver()
    wait_for(lambda: len(listener.data) == len(reading.data), "the whole of it")
    sender.stop()
    sender.close()
    listener.close()
