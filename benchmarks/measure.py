"""What measuring costs: unhurried on and off in one process, its peers beside us in one run.

    make bench BENCH=measure                      all of it, about 8 minutes
    make bench BENCH=measure ARGS="--seconds 5"   quicker and noisier

Method: CPU time of the thread (``thread_time``). For unhurried, blocks of 17 requests (the first is
thrown away) of *off*, *off again* and *on* in random order within one process; each block is
compared with the mean of the two *off* blocks of the same round; the median of those ratios is
judged, with the A/A ratio (off / off again) beside it. What is done once in sixteen units is in
nearly every block so: in one of three requests the median would leave it out. All of that in a
process with the compiled half (``unhurried[c]``) and in one without it, page by page. Peers patch
what can't be unpatched, so each runs in a process of its own, blocks alternating with those of an
untouched process.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import _site

BUDGETS = {"empty": 1.10, "1 query": 1.05, "20 queries": 1.02, "20 includes": 1.06}
QUERIES = {
    "counted and timed: statements that differ": ("each", 2),
    "with its line: the same statement again": ("statements", 3),
    "with its line, by the ORM": ("q", 3),
}
READINGS = {
    "scrape": 50,
    "first full quantile reading": 500,
    "next, a tenth of the routes changed": 50,
    "statements, first of 1990": None,
    "statements, next": None,
}
PEERS = ("prometheus_client", "django-prometheus", "OpenTelemetry", "Sentry", "silk")
COMPILED = importlib.util.find_spec("unhurried_c") is not None
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
    parser.add_argument("--seconds", type=float, default=20.0, help="per page and half")
    parser.add_argument("--only", choices=["unhurried", "query", "read", "peers"])
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--half", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve)
    if options.half:
        return measure_when_asked()
    wanted = [options.only] if options.only else ["unhurried", "query", "read", "peers"]
    print(f"Python {sys.version.split()[0]}, Django {_site.django.__version__}")
    if "peers" in wanted:
        peers(options.seconds / 4)
    if {"unhurried", "query", "read"} & set(wanted):
        with Halves() as halves:
            if "unhurried" in wanted:
                on_and_off(halves, options.seconds)
            if "query" in wanted:
                per_query(halves, options.seconds)
            if "read" in wanted:
                reading(halves)


class Child:
    """This script in a process of its own; ``pure``: without the compiled half."""

    def __init__(self, *args: str, pure: bool) -> None:
        env = {key: value for key, value in os.environ.items() if key != "UNHURRIED_PURE"}
        if pure:
            env["UNHURRIED_PURE"] = "1"
        command, pipe = [sys.executable, __file__, *args], subprocess.PIPE
        self.process = subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, text=True)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.stdin.close()
        self.process.wait(10)

    def ask(self, *what: object) -> Any:
        """A line of JSON there, a line back."""
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


class Halves(ExitStack):
    """A child with the compiled half and one without: each measures in turn what is asked."""

    def __enter__(self) -> Halves:
        super().__enter__()
        self.names = ["in C", "in Python"] if COMPILED else ["in Python"]
        self.children = [
            self.enter_context(Child("--half", pure=name == "in Python")) for name in self.names
        ]
        return self

    def ask(self, *what: object) -> list[Any]:
        return [child.ask(*what) for child in self.children]

    def header(self, what: str, width: int, *columns: str) -> None:
        cells = "".join(f"{name:>12}" + "".join(f"{c:>9}" for c in columns) for name in self.names)
        print(f"{what:{width}}{cells}{'budget':>10}")

    def missed(self, seen: list[float], budget: float | None) -> str:
        over = [
            name
            for name, value in zip(self.names, seen, strict=True)
            if budget is not None and value > budget
        ]
        return f"  MISSED {', '.join(over)}" if over else ""


def measure_when_asked() -> None:
    """In one of the halves."""
    _site.configure("unhurried")
    import _reading
    from _switch import Switch

    switch = Switch()
    measures = {
        "page": lambda *given: paired(switch, *given),
        "query": lambda *given: slope(switch, *given),
        "read": _reading.read,
    }
    for line in sys.stdin:
        what, *given = json.loads(line)
        print(json.dumps(measures[what](*given)), flush=True)


def on_and_off(halves: Halves, seconds: float) -> None:
    print("\nmeasuring on / off, CPU per request")
    halves.header("page", 14, "A/A", "rounds", "off")
    for name, url in _site.PAGES.items():
        cells, ratios = "", []
        for off, ratio, control, rounds in halves.ask("page", url, seconds):
            cells += f"{ratio:12.3f}{control:9.3f}{rounds:9}{off * 1e6:6.0f} us"
            ratios.append(ratio)
        print(f"{name:14}{cells}{BUDGETS[name]:10.2f}{halves.missed(ratios, BUDGETS[name])}")


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


def per_query(halves: Halves, seconds: float) -> None:
    """The slope from 20 to 100 queries in a page; those that repeat one are told their line."""
    print("\nper query, us")
    halves.header("", 42, "A/A")
    for what, (page, budget) in QUERIES.items():
        cells, costs = "", []
        for cost, noise in halves.ask("query", page, seconds):
            cells += f"{cost:12.2f}{noise:+9.2f}"
            costs.append(cost)
        print(f"{what:42}{cells}{budget:10}{halves.missed(costs, budget)}")


def slope(switch, page: str, seconds: float) -> tuple[float, float]:
    """Microseconds a query, on minus off, and off minus off again; many short rounds."""
    costs, control = [], []
    gc.collect()
    gc.disable()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        each = {}
        for which in random.sample(("off", "again", "on"), 3):
            application = switch.application(on=which == "on")
            _site.call(application, f"/{page}/20/")  # warms up
            few, many = (once(application, f"/{page}/{n}/") for n in (20, 100))
            each[which] = (many - few) / 80
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


def reading(halves: Halves) -> None:
    """Milliseconds to read what 64 processes wrote of 199 routes."""
    print("\nreading 64 slots x 199 routes, ms")
    halves.header("", 40)
    for what, budget, *took in zip(READINGS, READINGS.values(), *halves.ask("read"), strict=True):
        cells = "".join(f"{ms:12.1f}" for ms in took)
        print(f"{what:40}{cells}{budget or '':>10}{halves.missed(took, budget)}")


def peers(seconds: float) -> None:
    print("\nbeside us: CPU per request / an untouched process")
    print(f"{'':20}" + "".join(f"{name:>14}" for name in _site.PAGES))
    ours = ("unhurried[c]", "unhurried") if COMPILED else ("unhurried",)
    for name in ("base", *ours, *PEERS):
        label = "A/A" if name == "base" else name
        tool, pure = name.removesuffix("[c]"), not name.endswith("[c]")
        with (
            Child("--serve", "base", pure=True) as base,
            Child("--serve", tool, pure=pure) as peer,
        ):
            cells = [f"{compare(base, peer, url, seconds):14.3f}" for url in _site.PAGES.values()]
        print(f"{label:20}" + "".join(cells), flush=True)


def compare(base: Child, peer: Child, url: str, seconds: float) -> float:
    ratios = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        first, second = random.sample([base, peer], 2)
        took = {first: first.ask(url), second: second.ask(url)}
        ratios.append(took[peer] / took[base])
    return statistics.median(ratios)


def serve(name: str) -> None:
    """In the child of a peer: a block of requests for each address."""
    import _peers

    application = _peers.application(name)
    for url in _site.PAGES.values():
        block(application, url)
    for line in sys.stdin:
        print(block(application, *json.loads(line)), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
