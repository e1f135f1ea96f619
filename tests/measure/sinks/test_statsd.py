"""Datagrams add up to exactly what happened; a sink that is down slows nothing, and says so."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from unhurried.measure import _end, counter, gauge, histogram, measured, meter, timer
from unhurried.measure._instruments import changed
from unhurried.measure.sinks import _statsd_lines, statsd
from unhurried.measure.sinks._sender import Sender

from .conftest import Datagrams, counted, unit, wait_for

LINE = re.compile(
    r"(?P<name>[A-Za-z0-9_\-.]+):(?P<value>[^|:@]+)\|(?P<type>c|g|ms|h)(\|#(?P<tags>[^|#@]+))?"
)
ROOT = Path(__file__).parents[3]


def parsed(listener: Datagrams) -> list[tuple[str, float, str, str]]:
    """(name, value, type, tags) as a server would read them."""
    found = [LINE.fullmatch(line) for line in listener.lines()]
    assert all(found), listener.lines()
    return [(m["name"], float(m["value"]), m["type"], m["tags"] or "") for m in found]


def sums(listener: Datagrams) -> dict[str, float]:
    total: Counter[str] = Counter()
    for name, value, kind, tags in parsed(listener):
        total[f"{name}|{kind}|{tags}"] += value
    return {name: round(value, 6) for name, value in total.items()}


def times(records) -> float:
    return round(sum(round(record.wall / 1e6, 3) for record in records), 6)


def test_requests_and_instruments_add_up(sinks, datagrams):
    with sinks(statsd={"port": datagrams.port, "prefix": "shop"}):
        feed = [unit("feed/", queries=n) for n in range(300)]
        users = [unit("user/<int:pk>/", status=s) for s in (200, 301, 404, 500, 503)]
        jobs = [unit("job", kind="unit", status=0, raised=bool(n)) for n in (0, 1)]
        for n in range(100):
            counter("orders").increment(n)
        counter("orders").decrement(50)
        meter("logins").mark(3)
        counter("logins").increment()
        histogram("basket.size").update(2.5)
        timer("thumbnail").update(0.25)
        gauge("temperature").set(21.5)
    assert sums(datagrams) == {
        "shop.request.feed.time|ms|": times(feed),
        "shop.request.feed.queries|ms|": sum(range(300)),
        "shop.request.feed.status.2xx|c|": 300,
        "shop.request.user._int_pk_.time|ms|": times(users),
        "shop.request.user._int_pk_.queries|ms|": 0,
        "shop.request.user._int_pk_.status.2xx|c|": 1,
        "shop.request.user._int_pk_.status.3xx|c|": 1,
        "shop.request.user._int_pk_.status.4xx|c|": 1,
        "shop.request.user._int_pk_.status.5xx|c|": 2,
        "shop.request.user._int_pk_.errors|c|": 2,
        "shop.unit.job.time|ms|": times(jobs),
        "shop.unit.job.queries|ms|": 0,
        "shop.unit.job.count|c|": 2,
        "shop.unit.job.errors|c|": 1,
        "shop.orders|c|": sum(range(100)) - 50,
        "shop.meter.logins|c|": 3,
        "shop.logins|c|": 1,
        "shop.basket.size|ms|": 2.5,
        "shop.thumbnail|ms|": 250,
        "shop.temperature|g|": 21.5,
    }
    assert max(map(len, datagrams.got)) <= 1432
    assert sum(map(len, datagrams.got)) / len(datagrams.got) > 1000, "packed, not one by one"
    assert counted("unhurried.statsd.lost") == 0


def test_dogstatsd_tags(sinks, datagrams):
    with sinks(statsd={"port": datagrams.port, "prefix": "", "tags": True}):
        unit("user/<int:pk>/", status=200, queries=3)
        unit("user/<int:pk>/", status=500, queries=4)
        unit("", status=200)
        unit("job", kind="unit", status=0)
        histogram("basket").update(7)
        gauge("debt").set(-5)
    found = {name: value for name, value in sums(datagrams).items() if ".time|" not in name}
    pk, fails = "route:/user/_int:pk_/,status:200", "route:/user/_int:pk_/,status:500"
    assert found == {
        f"request.queries|h|{pk}": 3,
        f"request.count|c|{pk}": 1,
        f"request.queries|h|{fails}": 4,
        f"request.count|c|{fails}": 1,
        f"request.errors|c|{fails}": 1,
        "request.queries|h|route:/,status:200": 0,
        "request.count|c|route:/,status:200": 1,
        "unit.queries|h|unit:job": 0,
        "unit.count|c|unit:job": 1,
        "basket|h|": 7,
        "debt|g|": -5,
    }


def test_a_gauge_below_zero_is_no_decrease(sinks, datagrams):
    """StatsD, metric types: "This is why you can't set a gauge to a negative number without…"."""
    with sinks(statsd={"port": datagrams.port, "prefix": ""}):
        gauge("debt").set(-5)
    assert datagrams.got == [b"debt:0|g\ndebt:-5|g"]


@pytest.mark.parametrize("tags", [False, True])
@pytest.mark.parametrize(
    "name", ["a:1|c\nb:2|c", "a|#b:c,d", "@0.1", "é" * 300, "^(?P<x>.+)$", "//"]
)
def test_hostile_names_forge_nothing(sinks, datagrams, name, tags):
    with sinks(statsd={"port": datagrams.port, "prefix": "", "tags": tags}):
        unit(name)
        with measured(name):
            counter(name).increment(7)
    found = parsed(datagrams)
    assert len(found) == 7
    assert [value for _, value, kind, _ in found if kind == "c"].count(7) == 1
    assert {t.split(",")[0].split(":")[0] for _, _, _, t in found if t} <= {"route", "unit"}


def test_what_is_no_number_is_lost_and_counted(sinks, datagrams):
    with sinks(statsd={"port": datagrams.port}):
        for value in (float("nan"), float("inf")):  # which no instrument of ours lets pass
            for subscriber in changed:
                subscriber("gauge", "odd", value)
    assert datagrams.got == []
    assert counted("unhurried.statsd.lost") == 2


def test_an_event_is_never_split():
    sender = statsd.StatsD(statsd.Options(prefix="p" * 100))
    for n in range(50):
        sender.buffer.append(_statsd_lines.Unit("request", f"r{n}" + "x" * n, 500, True, n, n))
    packed = list(sender.datagrams())
    assert sum(events for _, events in packed) == 50
    assert all(data.count(b".time:") == data.count(b".errors:") == n for data, n in packed)
    assert all(len(data) <= 1432 for data, _ in packed)
    sender.stop()


def test_a_closed_port_is_told(closed_port):
    """Each refusal is told with the next datagram; so all but the last are known."""
    sender = statsd.StatsD(statsd.Options(port=closed_port))
    for n in range(5):
        sender.buffer.append(_statsd_lines.Change("counter", "n", n))
        sender.deliver()
    assert sender.lost == 4
    sender.stop()
    sender.close()


def test_a_closed_port_becomes_a_metric(sinks, closed_port):
    with sinks(statsd={"port": closed_port}):
        wait_for(lambda: unit() and counted("unhurried.statsd.lost"), "a loss")


def test_a_full_buffer_is_told(sinks, datagrams, monkeypatch):
    monkeypatch.setattr(statsd.StatsD, "limit", 10)
    monkeypatch.setattr(statsd.StatsD, "period", 60)
    with sinks(statsd={"port": datagrams.port, "prefix": ""}):
        for _ in range(25):
            counter("n").increment()
    assert datagrams.lines() == ["n:1|c"] * 10
    assert counted("unhurried.statsd.lost") == 15


def test_a_name_that_does_not_resolve_delays_no_request(sinks, monkeypatch):
    threads = set()

    def slow(*args, **kwargs):
        threads.add(threading.current_thread().name)
        time.sleep(0.2)
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with sinks(statsd={"host": "statsd.invalid"}):
        for _ in range(20):
            unit()
        wait_for(lambda: counted("unhurried.statsd.lost") == 20, "20 lost")
    assert threads == {"unhurried-statsd"}


def test_a_listener_that_never_reads(sinks):
    """The network drops what it can't hold, and tells nobody: neither the site nor us."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        with sinks(statsd={"port": deaf.getsockname()[1]}):
            began = time.perf_counter()
            for _ in range(5000):
                unit()
            assert time.perf_counter() - began < 5
    assert counted("unhurried.statsd.lost") == 0


def test_losses_of_our_own_are_not_sent(sinks, datagrams):
    with sinks(statsd={"port": datagrams.port}):
        counter("unhurried.statsd.lost").increment(3)
    assert datagrams.got == []


@pytest.mark.usefixtures("own_end")
def test_what_waits_is_sent_before_an_end_that_was_none_and_goes_on_after_it(
    sinks, datagrams, monkeypatch
):
    monkeypatch.setattr(Sender, "period", 60.0)
    with sinks(statsd={"port": datagrams.port, "prefix": ""}):
        for _ in range(2):
            unit("page/")
            _end.rest()
        wait_for(lambda: sums(datagrams).get("request.page.status.2xx|c|") == 2, "both")


SCRIPT = """
    import os, sys, time, django
    django.setup()
    from tests.measure.sinks.conftest import unit
    unit("parent/")
    if not os.fork():
        unit("child/")
        sys.exit()          # as a worker ends: atexit runs
    os.wait()
    unit("parent/")
"""


def test_after_a_fork_each_sends_its_own_and_at_exit_the_rest(store, datagrams, tmp_path):
    (tmp_path / "forking.py").write_text(
        "from tests.settings import *\n"
        f"UNHURRIED = {{'STORE': {str(store)!r}, 'STRICT': True, 'SINKS': "
        f"{{'statsd': {{'port': {datagrams.port}, 'prefix': ''}}}}}}\n"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(SCRIPT)],
        env={**os.environ, "PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "forking"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
    wait_for(lambda: len(datagrams.lines()) >= 9, "three requests")
    found = {name: n for name, n in sums(datagrams).items() if "status" in name}
    assert found == {"request.parent.status.2xx|c|": 2, "request.child.status.2xx|c|": 1}
