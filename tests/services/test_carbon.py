"""A real Carbon takes what the sink sends, and Whisper reads it back: slides 13 and 14."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import whisper

from unhurried import testing
from unhurried.measure import _sampler, _store, counter, gauge, histogram, meter, snapshot, timer
from unhurried.measure.sinks import _names, _sender

WAIT_SECONDS = 15
# Carbon's own metrics come after a minute; the slides' test sends to the same server.
EXPECTED = {"carbon", "shop", "talk"}


@pytest.fixture
def site(carbon_server, store: Path, client: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of a site that sends to Carbon."""
    monkeypatch.setattr(_sender.Sender, "period", 0.02)
    options = {"host": carbon_server.host, "port": carbon_server.port, "prefix": "shop.web1"}
    with testing.override(STORE=store, SINKS={"graphite": options}):
        yield client


def last(folder: Path, path: str) -> float | None:
    """The newest value of a metric in its Whisper file."""
    file = folder / "whisper" / Path(*path.split(".")).with_suffix(".wsp")
    if not file.exists():
        return None
    values = whisper.fetch(str(file), int(time.time()) - 60)[1]
    return next((value for value in reversed(values) if value is not None), None)


def wait_for(folder: Path, path: str, value: float) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := last(folder, path)) != pytest.approx(value):
        assert time.monotonic() < deadline, f"{path}: {found}, not {value}"
        time.sleep(0.05)


@pytest.mark.django_db
def test_whisper_reads_back_what_the_site_measured(site, carbon_server):
    for n in (0, 1, 2, 3, 3):
        site.get(f"/queries/{n}/")
    site.get("/status/503/")
    counter("orders").increment(42)
    counter("open.baskets").decrement(3)
    gauge("temperature").set(-21.5)
    meter("logins").mark(7)
    histogram("basket.size").update(2.5)
    timer("thumbnail").update(0.25)
    numbers = snapshot()
    for subscriber in _sampler.every:
        subscriber(numbers)
    wall = numbers["routes"]["queries/<int:n>/"]["wall"]
    expected = {
        "request.queries._int_n_.count": 5,
        "request.queries._int_n_.errors": 0,
        "request.queries._int_n_.wall.p50": wall["p50"],
        "request.queries._int_n_.wall.p95": wall["p95"],
        "request.queries._int_n_.wall.p99": wall["p99"],
        "request.queries._int_n_.queries.p50": 2,
        "request.queries._int_n_.queries.p95": 3,
        "request.status._int_code_.errors": 1,
        "counter.orders": 42,
        "counter.open.baskets": -3,
        "gauge.temperature": -21.5,
        "meter.logins.count": 7,
        "histogram.basket.size.count": 1,
        "histogram.basket.size.p95": numbers["histograms"]["basket.size"]["p95"],
        "timer.thumbnail.sum": 0.25,
        "workers": 1,
    }
    for path, value in expected.items():
        wait_for(carbon_server.folder, f"shop.web1.{path}", value)


def test_the_elected_process_sends_by_itself(site, carbon_server, monkeypatch, sampling):
    monkeypatch.setattr(_sampler, "PERIOD", 1.0)
    counter("elected").increment(5)
    deadline = time.monotonic() + 2 * WAIT_SECONDS
    while last(carbon_server.folder, "shop.web1.counter.elected") != 5:
        assert time.monotonic() < deadline, "nothing was sent"
        if _store.opened is not None:
            _store.opened.due = 0
        site.get("/empty/")
        time.sleep(0.1)


def test_every_path_is_one_carbon_accepts(site, carbon_server):
    """Names out of anybody's hands become files below the prefix, and nowhere else."""
    names = ("../../etc/x", "a b;c=d", "日本", "a\nb 1 2", "/etc/passwd", "..", "x" * 200)
    for value, name in enumerate(names):
        counter(name).increment(value)
    for subscriber in _sampler.every:
        subscriber(snapshot())
    for value, name in enumerate(names):
        wait_for(carbon_server.folder, f"shop.web1.counter.{_names.path(name)}", value)
    assert {file.name for file in (carbon_server.folder / "whisper").iterdir()} <= EXPECTED
