"""What measuring costs: unhurried on and off in one process, its peers beside us in one run.

    make bench                      all of it, about 6 minutes
    make bench ARGS="--seconds 5"   quicker and noisier

Method: CPU time of the thread (``thread_time``). For unhurried, blocks of 17 requests (the first is
thrown away) of *off*, *off again* and *on* in random order within one process; each block is
compared with the mean of the two *off* blocks of the same round; the median of those ratios is
judged, with the A/A ratio (off / off again) beside it. What is done once in sixteen units is in
nearly every block so: in one of three requests the median would leave it out. Peers patch what
can't be unpatched, so each runs in a process of its own, blocks alternating with those of an
untouched process.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import _site

BUDGETS = {"empty": 1.10, "1 query": 1.05, "20 queries": 1.02, "20 includes": 1.06}
PEERS = ("prometheus_client", "django-prometheus", "OpenTelemetry", "Sentry", "silk")
BLOCK = 1 + 16  # the first warms up


def block(application: Callable[..., object], url: str) -> float:
    """Mean CPU seconds of a request, over a short block whose first request only warms up."""
    _site.call(application, url)
    took = []
    for _ in range(BLOCK - 1):
        began = time.thread_time_ns()
        _site.call(application, url)
        took.append(time.thread_time_ns() - began)
    return statistics.mean(took) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="per page")
    parser.add_argument("--only", choices=["unhurried", "query", "read", "peers"])
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve)
    wanted = [options.only] if options.only else ["unhurried", "query", "read", "peers"]
    print(f"Python {sys.version.split()[0]}, Django {_site.django.__version__}")
    if "peers" in wanted:
        peers(options.seconds / 4)
    if {"unhurried", "query", "read"} & set(wanted):
        _site.configure("unhurried")
    if "unhurried" in wanted:
        on_and_off(options.seconds)
    if "query" in wanted:
        per_query(options.seconds)
    if "read" in wanted:
        reading()


def on_and_off(seconds: float) -> None:
    from _switch import Switch

    switch = Switch()
    print("\nmeasuring on / off, CPU per request")
    print(f"{'page':14}{'off':>10}{'on / off':>10}{'budget':>8}{'A/A':>8}{'rounds':>8}")
    for name, url in _site.PAGES.items():
        off, ratio, control, rounds = paired(switch, url, seconds)
        verdict = "" if ratio <= BUDGETS[name] else "  MISSED"
        print(
            f"{name:14}{off * 1e6:7.0f} us{ratio:10.3f}{BUDGETS[name]:8.2f}"
            f"{control:8.3f}{rounds:8}{verdict}"
        )


def paired(switch, url: str, seconds: float) -> tuple[float, float, float, int]:
    """(CPU seconds off, median on/off, median off/off, rounds)."""
    gc.collect()
    gc.disable()
    ratios, controls, offs = [], [], []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        order = ["off", "again", "on"]
        random.shuffle(order)
        took = {}
        for which in order:
            took[which] = block(switch.application(on=which == "on"), url)
        base = (took["off"] + took["again"]) / 2
        ratios.append(took["on"] / base)
        controls.append(took["off"] / took["again"])
        offs.append(base)
        if len(ratios) % 50 == 0:
            gc.collect()
    gc.enable()
    return (*map(statistics.median, (offs, ratios, controls)), len(ratios))


def per_query(seconds: float) -> None:
    """Of the ORM's queries, and of bare statements: the slope from 20 to 220 of them in a page."""
    print("\nper query, counted and timed (budget 2 us)")
    for what, page in (("by the ORM", "q"), ("a bare statement", "statements")):
        cost, noise = slope(page, seconds / 2)
        print(f"{what:18}{cost:6.2f} us   A/A {noise:+.2f}")


def slope(page: str, seconds: float) -> tuple[float, float]:
    """Microseconds a query, on minus off, and off minus off again; many short rounds."""
    from _switch import Switch

    switch = Switch()
    costs, control = [], []
    gc.collect()
    gc.disable()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        each = {}
        for which in random.sample(("off", "again", "on"), 3):
            application = switch.application(on=which == "on")
            _site.call(application, f"/{page}/20/")  # warms up
            few, many = (once(application, f"/{page}/{n}/") for n in (20, 220))
            each[which] = (many - few) / 200
        costs.append(each["on"] - (each["off"] + each["again"]) / 2)
        control.append(each["off"] - each["again"])
        if len(costs) % 20 == 0:
            gc.collect()
    gc.enable()
    return statistics.median(costs) / 1e3, statistics.median(control) / 1e3


def once(application: Callable[..., object], url: str) -> int:
    """CPU nanoseconds of one request."""
    began = time.thread_time_ns()
    _site.call(application, url)
    return time.thread_time_ns() - began


def reading() -> None:
    import _reading

    _reading.main()


def peers(seconds: float) -> None:
    print("\nbeside us: CPU per request / an untouched process")
    print(f"{'':20}" + "".join(f"{name:>14}" for name in _site.PAGES))
    for name in ("base", "unhurried", *PEERS):
        label = "A/A" if name == "base" else name
        with Child("base") as base, Child(name) as peer:
            cells = [f"{compare(base, peer, url, seconds):14.3f}" for url in _site.PAGES.values()]
        print(f"{label:20}" + "".join(cells), flush=True)


def compare(base: Child, peer: Child, url: str, seconds: float) -> float:
    ratios = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        first, second = random.sample([base, peer], 2)
        took = {first: first.block(url), second: second.block(url)}
        ratios.append(took[peer] / took[base])
    return statistics.median(ratios)


class Child:
    """A process that serves blocks on request."""

    def __init__(self, name: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Child:
        for url in _site.PAGES.values():
            self.block(url)
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.stdin.close()
        self.process.wait(10)

    def block(self, url: str) -> float:
        self.process.stdin.write(url + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def serve(name: str) -> None:
    """In the child: set up, then one block per line of input."""
    import _peers

    application = _peers.application(name)
    for line in sys.stdin:
        print(block(application, line.strip()), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
