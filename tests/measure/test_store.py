"""The store under processes, forks, threads and sudden death: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from math import exp, inf, nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import celery
import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import override_settings
from django.urls import path

from tests.measure.children import PATIENCE, Child, Link, child, in_child
from unhurried.measure import (
    StoreError,
    _history,
    _instruments,
    _outside,
    _sampler,
    _snapshot,
    _store,
    counter,
    gauge,
    histogram,
    measured,
    meter,
    snapshot,
    timer,
)
from unhurried.measure import _layout as L
from unhurried.measure._locks import locked
from unhurried.measure._names import Names
from unhurried.measure._read import SlotView
from unhurried.measure._record import current
from unhurried.testing import override

Route = Callable[[str], dict[str, Any]]
hanging: list[Link] = []  # where a view that hangs tells so


def hang(request: HttpRequest) -> HttpResponse:
    hanging[0].tell("begun")
    hanging[0].hear()
    return HttpResponse()


def count_and_look(request: HttpRequest) -> HttpResponse:
    counter("looked").increment(3)
    return HttpResponse(str(snapshot()["counters"]["looked"]))


def numbered(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def eager(request: HttpRequest) -> HttpResponse:
    add.apply((1, 2))
    return HttpResponse()


urlpatterns = [
    path("hang/", hang),
    path("look/", count_and_look),
    path("eager/", eager),
    *(path(f"many/{n}/", numbered) for n in range(250)),
]


@pytest.fixture
def urls() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


def slots(store: Path) -> list[str]:
    return sorted(found.name for found in (store / f"v{L.VERSION}").glob("slot-*"))


def increment(name: str, n: int) -> None:
    for _ in range(n):
        counter(name).increment()


# Names


def test_names_have_the_same_row_in_every_process(tmp_path: Path) -> None:
    def name(link: Link, who: str) -> dict[str, int]:
        mine = Names(tmp_path)
        link.tell("ready")
        link.hear()
        for i in range(60):
            for name in (f"{who} {i}", f"shared {i}"):
                mine.row("counter", name)
        mine.refresh()
        return {name: row for (_, name), row in mine.rows["counter"].items()}

    with child(name, "one") as one, child(name, "two") as two:
        for each in (one, two):
            each.link.hear()
        for each in (one, two):
            each.link.tell("go")
        found = [one.result(), two.result()]
    names = Names(tmp_path)
    order = [name for _, name in names.order["counter"]]
    assert len(order) == len(set(order)) == 180
    for rows in found:
        assert all(order[row] == name for name, row in rows.items())
        assert len(rows) >= 120


def test_names_are_append_only(tmp_path: Path) -> None:
    names, before = Names(tmp_path), b""
    for n in range(20):
        names.row("counter", f"name {n}\n\0\ud800")  # whatever Python takes for a str
        after = names.path.read_bytes()
        assert after.startswith(before)
        assert len(after) > len(before)
        before = after
    assert Names(tmp_path).rows == names.rows


@pytest.mark.long
def test_beyond_200_names_totals_are_still_exact(store: Path, urls: None) -> None:
    def use(who: int) -> None:
        client = Client()
        for n in range(250):
            counter(f"counter {who} {n}").increment(n)
            client.get(f"/many/{n}/")

    in_child(use, 1)
    in_child(use, 2)
    counters, routes = snapshot()["counters"], snapshot()["routes"]
    assert len(counters) == len(routes) == L.ROWS
    assert sum(counters.values()) == 2 * sum(range(250))
    assert counters["counter 1 198"] == 198
    assert counters["(other)"] == 2 * sum(range(250)) - sum(range(199))
    assert sum(route["requests"] for route in routes.values()) == 500
    assert routes["many/198/"]["requests"] == 2
    assert routes["(other)"]["requests"] == 2 * 51


@pytest.mark.parametrize("torn", [b"1234", b'badbadba counter "hal', b"\0\0\0\0", b"\xff\xfe"])
def test_a_line_cut_off_is_taken_back(tmp_path: Path, torn: bytes) -> None:
    """Its writer was killed, or the disk was full: nobody has used that row yet."""
    names = Names(tmp_path)
    assert names.row("counter", "whole") == 0
    with names.path.open("ab") as file:
        file.write(torn)
    assert Names(tmp_path).rows["counter"] == {("counter", "whole"): 0}
    assert names.row("counter", "next") == Names(tmp_path).row("counter", "next") == 1
    assert torn not in names.path.read_bytes()


def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    def fill() -> list[str]:
        names = Names(tmp_path)
        names.row("counter", "first")
        room = names.path.stat().st_size + 10
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        failed = []
        for name in ("second", "third"):
            try:
                names.row("counter", name)
            except OSError as error:
                failed.append(error.strerror)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        assert names.row("counter", "third") == 1
        return failed

    assert len(in_child(fill)) == 2
    assert list(Names(tmp_path).rows["counter"]) == [("counter", "first"), ("counter", "third")]


HEADER = b"unhurried names 0123456789abcd\n"


@pytest.mark.parametrize("length", range(len(HEADER)))
def test_a_first_line_cut_off_is_written_anew(tmp_path: Path, length: int) -> None:
    (tmp_path / "names").write_bytes(HEADER[:length])
    assert Names(tmp_path).row("counter", "first") == 0
    assert Names(tmp_path).rows["counter"] == {("counter", "first"): 0}


@pytest.mark.parametrize(
    "damaged",
    [
        b"\0" * 40,
        b"hello\n",
        b"abc\n",
        b"f" * 40 + b"\n",
        b"unhurried names -1\n",
        b"unhurried names \xff\n",
        HEADER + b'00000000 counter "flipped"\n',
        HEADER + b"\n",
        b"\x7fELF" * 1000,
    ],
)
def test_what_is_no_list_of_names_is_refused_and_left_alone(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "names").write_bytes(damaged)
    with pytest.raises(StoreError) as raised:
        Names(tmp_path)
    assert "Remove the folder" in raised.value.hint
    assert (tmp_path / "names").read_bytes() == damaged


@pytest.mark.parametrize("longer", [False, True])
def test_another_list_of_names_in_the_old_ones_place_is_not_written_to(
    tmp_path: Path, longer: bool
) -> None:
    names = Names(tmp_path)
    names.row("counter", "x" * 100)
    names.path.unlink()
    other = Names(tmp_path)
    for n in range(20 if longer else 1):
        other.row("counter", f"other {n}")
    before = other.path.read_bytes()
    with pytest.raises(StoreError):
        names.row("counter", "new")
    assert other.path.read_bytes() == before


# Slots


def test_a_dead_process_leaves_its_slot_and_its_numbers(store: Path, route: Route) -> None:
    for n in (5, 7):
        in_child(increment, "orders", n)
        in_child(lambda: Client().get("/empty/").status_code)
    assert slots(store) == ["slot-0"]
    assert snapshot()["counters"] == {"orders": 12}
    assert route("empty/")["requests"] == 2
    assert snapshot()["workers"] == 0


def test_there_are_no_more_slots_than_there_were_processes_at_once(store: Path) -> None:
    def work(link: Link) -> None:
        increment("done", 1)
        link.tell("alive")
        link.hear()

    living: list[Child] = []
    with ExitStack() as stack:
        for n in range(30):
            living.append(stack.enter_context(child(work)))
            living[-1].link.hear()
            if len(living) == 3:
                gone = living.pop(n % 3)
                if n % 2:
                    gone.kill()
                else:
                    gone.link.tell("go")
                    gone.result()
            assert len(slots(store)) <= 3
        assert snapshot()["workers"] == 2
    assert snapshot()["counters"] == {"done": 30}
    assert slots(store) == ["slot-0", "slot-1", "slot-2"]


def test_who_is_alive_is_known_by_lock_not_by_pid(store: Path, urls: None) -> None:
    """The kernel gives a dead worker's pid to somebody else."""

    def stop_in_a_request(link: Link) -> None:
        hanging[:] = [link]
        Client().get("/hang/")

    with child(stop_in_a_request) as forked:
        forked.link.hear()
        assert snapshot()["workers"] == 1
        assert snapshot()["routes"]["hang/"]["in_flight"] == 1
        forked.kill()
    slot = store / f"v{L.VERSION}" / "slot-0"
    with slot.open("r+b") as file:  # now it is ours by its pid
        file.seek(L.H_PID * L.WORD)
        file.write(os.getpid().to_bytes(8, "little"))
    assert snapshot()["workers"] == 0
    assert "hang/" not in snapshot()["routes"]
    in_child(increment, "later", 1)
    assert slots(store) == ["slot-0"]


def test_nothing_is_under_way_after_kill_9(store: Path, urls: None) -> None:
    def stop_in_a_request(link: Link) -> None:
        Client().get("/many/1/")
        hanging[:] = [link]
        Client().get("/hang/")

    for _ in range(2):
        with child(stop_in_a_request) as forked:
            forked.link.hear()
            assert snapshot()["routes"]["hang/"]["in_flight"] == 1
            forked.kill()
        assert "hang/" not in snapshot()["routes"]
    with child(lambda link: (increment("x", 1), link.tell("taken"), link.hear())) as forked:
        forked.link.hear()  # the slot is alive again
        assert "hang/" not in snapshot()["routes"]
    assert snapshot()["routes"]["many/1/"]["requests"] == 2


def test_history_bears_a_killed_request(
    store: Path, urls: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was begun and not finished is taken back by the next holder: a number that falls."""

    def stop_in_a_request(link: Link) -> None:
        hanging[:] = [link]
        Client().get("/many/1/")
        Client().get("/hang/")

    history = _history.History(store / f"v{L.VERSION}")
    with child(stop_in_a_request) as forked:
        forked.link.hear()
        history.sample(1000.0)
        forked.kill()
    in_child(lambda: [Client().get("/many/1/").status_code for _ in range(3)])
    history.sample(1010.0)
    monkeypatch.setattr(_history.time, "time", lambda: 1020.0)
    [(_, sample)] = _history.series(store / f"v{L.VERSION}", "hour")
    assert {name: route["requests"] for name, route in sample["routes"].items()} == {
        "request\tmany/1/": 3
    }


def test_history_bears_a_slot_that_is_removed(store: Path) -> None:
    in_child(lambda: Client().get("/empty/").status_code)
    history = _history.History(store / f"v{L.VERSION}")
    history.sample(1000.0)
    (store / f"v{L.VERSION}" / "slot-0").unlink()
    history.sample(1010.0)
    assert snapshot()["routes"] == {}
    in_child(lambda: Client().get("/empty/").status_code)
    assert snapshot()["routes"]["empty/"]["requests"] == 1
    history.sample(1020.0)
    history.sample(1030.0)


# Forks


@contextmanager
def all_locks_held_by_another_thread() -> Iterator[None]:
    reader = _snapshot.reader()
    assert _store.opened is not None
    assert reader is not None
    holds = [_store.opened.lock, _store._opening, reader._lock, _sampler._trying]
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with ExitStack() as stack:
            for lock in holds:
                stack.enter_context(lock)
            held.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_child_works_though_it_was_forked_under_every_lock(store: Path, route: Route) -> None:
    def work() -> dict[str, Any]:
        increment("in child", 2)
        Client().get("/empty/")
        with measured("job"):
            histogram("h").update(1)
        return {"slot": _store.opened.slot.path.name, "seen": snapshot()["counters"]}

    Client().get("/empty/")
    increment("before", 1)
    snapshot()
    with all_locks_held_by_another_thread(), child(lambda link: work()) as forked:
        told = forked.result()
    assert told == {"slot": "slot-1", "seen": {"before": 1, "in child": 2}}
    assert route("empty/")["requests"] == 2
    assert route("job")["requests"] == 1


BEHIND_PYTHONS_BACK = """
import ctypes, os
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=["unhurried"])
django.setup()
pid = ctypes.PyDLL(None).fork()
if pid == 0:
    ctypes.pythonapi.PyOS_AfterFork_Child()
    os._exit(0)
os.waitpid(pid, 0)
"""


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="Python itself dies of such a fork")
def test_a_fork_of_which_python_hears_in_the_child_alone_is_quiet() -> None:
    """As uWSGI's is, with ``py-call-osafterfork``."""
    done = subprocess.run(
        [sys.executable, "-c", BEHIND_PYTHONS_BACK],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_fork_waits_for_who_names_a_row_and_takes_no_lock_along(store: Path) -> None:
    increment("x", 1)
    held, child_made = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(store / f"v{L.VERSION}"):
            held.set()
            child_made.wait(0.2)  # a fork inside would copy the lock

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    with child(lambda link: link.hear()) as forked:
        child_made.set()
        thread.join()
        with (store / f"v{L.VERSION}" / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        forked.link.tell("go")
        forked.result()


def test_a_fork_waits_for_who_is_in_sqlite(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's own locks would be copied as taken: a child that opens a database hangs."""
    entered, child_made, left = threading.Event(), threading.Event(), threading.Event()

    def connect(path: Path) -> Any:
        entered.set()
        child_made.wait(0.2)
        left.set()
        raise sqlite3.OperationalError("a fork inside would copy its locks")

    monkeypatch.setattr(_history, "_connect", connect)
    write = _history.History(store)._write
    thread = threading.Thread(target=write, args=([], 0.0))
    thread.start()
    entered.wait()
    with child(lambda link: link.tell("made")) as forked:
        assert left.is_set()
        child_made.set()
        thread.join()
        assert forked.link.hear() == "made"


def test_a_childs_copy_of_a_unit_of_work_is_not_counted(store: Path, route: Route) -> None:
    def finish_the_parents(unit: measured) -> None:
        increment("inside", 1)  # at once: the unit under way is not the child's
        unit.__exit__(None, None, None)

    with measured("job"):
        pass
    unit = measured("job")
    unit.__enter__()
    increment("inside", 10)
    in_child(finish_the_parents, unit)
    assert snapshot()["counters"]["inside"] == 11
    unit.__exit__(None, None, None)
    assert route("job")["requests"] == 2
    assert snapshot()["counters"] == {"inside": 11}


def test_children_that_outlive_their_parent_do_not_hold_its_slot(store: Path) -> None:
    def be_a_parent(link: Link, orphan: Child | None = None) -> None:
        increment("parent", 1)
        pids = []
        for _ in range(2):
            pid = os.fork()
            if pid == 0:
                link.hear()
            pids.append(pid)
        process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        link.tell([*pids, process.pid])
        link.hear()

    with child(be_a_parent) as forked:
        orphans = forked.link.hear()
        try:
            assert snapshot()["workers"] == 1
            forked.kill()
            for pid in orphans[:2]:
                os.kill(pid, 0)  # they live
            deadline = time.monotonic() + PATIENCE
            while snapshot()["workers"]:  # a child may not have come to its first line yet
                assert time.monotonic() < deadline, "an orphan holds its parent's slot"
                time.sleep(0.01)
            in_child(increment, "next", 1)
            assert slots(store) == ["slot-0"]
        finally:
            for pid in orphans:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:  # it has seen its input end
                    pass


def test_preloading_counts_once(store: Path, route: Route) -> None:
    """Instruments used on import, before the server forks its workers."""
    increment("on import", 1)
    meter("on import").mark()
    Client().get("/empty/")
    snapshot()

    def serve() -> None:
        Client().get("/empty/")
        increment("on import", 1)
        increment("in worker", 1)
        meter("on import").mark()

    for _ in range(3):
        in_child(serve)
    found = snapshot()
    assert found["counters"] == {"on import": 4, "in worker": 3}
    assert found["meters"]["on import"]["count"] == 4
    assert route("empty/")["requests"] == 4
    assert slots(store) == ["slot-0", "slot-1"]
    assert found["workers"] == 1


def test_threads_lose_nothing(store: Path, route: Route) -> None:
    """Switching as often as Python can, on the same rows."""

    ready = threading.Barrier(5)  # coverage cannot follow threads that begin in such a hurry

    def work() -> None:
        client = Client()
        ready.wait()
        ready.wait()
        for _ in range(100):
            client.get("/count/")
            counter("plain").increment(2)
            counter("plain").decrement()
            histogram("h").update(1)
            with measured("unit"), timer("t"):
                pass
        increment("dense", 10_000)  # where a switch in the middle of an addition does happen

    threads = [threading.Thread(target=work) for _ in range(4)]
    interval = sys.getswitchinterval()
    for thread in threads:
        thread.start()
    ready.wait()
    sys.setswitchinterval(1e-6)
    try:
        ready.wait()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    found = snapshot()
    assert found["counters"] == {"orders": 400, "plain": 400, "dense": 40_000}
    assert found["histograms"]["h"]["count"] == found["histograms"]["h"]["sum"] == 400
    assert found["timers"]["t"]["count"] == 400
    assert route("count/")["requests"] == route("unit")["requests"] == 400
    assert route("count/")["in_flight"] == 0


def test_reading_never_raises_while_others_write(store: Path, urls: None) -> None:
    def write(link: Link, who: int) -> None:
        link.hear()
        client = Client()
        for n in range(150):
            client.get(f"/many/{n}/")
            for make in (histogram, timer):
                make(f"{who} {n}").update(n)
            counter("all").increment()

    with ExitStack() as stack:
        writers = [stack.enter_context(child(write, who)) for who in range(2)]
        for writer in writers:
            writer.link.tell("go")
        seen, until = [0], time.monotonic() + 60
        while seen[-1] < 300:
            assert time.monotonic() < until, "they write no more"
            found = json.loads(json.dumps(snapshot()))
            seen.append(found["counters"].get("all", 0))
            assert seen[-1] >= seen[-2]
            assert all(r["wall"]["count"] == r["requests"] for r in found["routes"].values())
        for writer in writers:
            writer.result()
    assert len(seen) > 3
    assert len(slots(store)) == 2


# Instruments over processes


def test_the_gauge_set_last_wins(store: Path) -> None:
    in_child(lambda: gauge("t").set(1.5))

    def hold(link: Link) -> None:
        gauge("t").set(2.5)
        link.tell("set")
        link.hear()

    with child(hold) as forked:
        forked.link.hear()
        assert snapshot()["gauges"] == {"t": 2.5}
        gauge("t").set(-3)
        assert snapshot()["gauges"] == {"t": -3}
        forked.kill()
    in_child(lambda: gauge("t").set(0))
    assert snapshot()["gauges"] == {"t": 0}


def test_a_gauge_set_by_a_clock_that_ran_ahead_wins_no_longer(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time_ns

    def ahead() -> None:
        monkeypatch.setattr(time, "time_ns", lambda: real() + 3600 * 10**9)
        gauge("t").set(99)

    gauge("of another slot").set(0)
    in_child(ahead)
    assert snapshot()["gauges"]["t"] == 99  # nobody knows better
    gauge("t").set(1)
    assert snapshot()["gauges"]["t"] == 1


def test_counters_go_below_zero_and_merge(store: Path) -> None:
    in_child(lambda: counter("open").decrement(5))
    counter("open").increment(3)
    assert snapshot()["counters"] == {"open": -2}
    in_child(counter("open").increment, -1)
    in_child(counter("open").decrement, -4)
    assert snapshot()["counters"] == {"open": 1}


def test_values_that_cannot_be_kept(store: Path) -> None:
    """Under STRICT they raise; in production they, and they alone, are not counted."""
    refused: list[Callable[[], None]] = [
        *(partial(gauge("x").set, value) for value in (nan, inf)),
        *(partial(histogram("x").update, value) for value in (nan, -inf)),
        *(partial(timer("x").update, value) for value in (nan, inf, 1e300, -1)),
        *(partial(counter("x").increment, value) for value in (2**64, -(2**64), 2**70)),
        partial(meter("x").mark, 2**64),
    ]
    for change in refused:
        with pytest.raises(ValueError, match=r"\('x'\)"):
            change()
    with override(STORE=store, STRICT=False), measured("unit"):
        counter("before").increment()
        for change in refused:
            change()
        counter("after").increment(2**53)
    found = snapshot()
    assert found["counters"] == {"before": 1, "after": 2**53}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def at(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    clock = SimpleNamespace(time_ns=lambda: int(seconds * 1e9))
    monkeypatch.setattr(_instruments, "time", clock)
    monkeypatch.setattr(_snapshot, "time", clock)


def test_a_histogram_s_sum_stays_a_number(store: Path) -> None:
    for _ in range(2):
        histogram("h").update(1.7e308)
        in_child(lambda: histogram("h").update(1.7e308))
    assert snapshot()["histograms"]["h"]["sum"] == sys.float_info.max
    histogram("h").update(-1.7e308)
    assert 0 < snapshot()["histograms"]["h"]["sum"] <= sys.float_info.max


def test_meters_fade_and_merge(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One event a second in each of two processes for an hour, then silence."""
    began = 1_700_000_000

    def mark() -> None:
        for second in range(3600):
            at(monkeypatch, began + second)
            meter("m").mark()

    meter("m").mark(0)  # our slot is ours from now on
    in_child(mark)
    mark()
    assert len(slots(store)) == 2
    at(monkeypatch, began + 3600)
    rates = snapshot()["meters"]["m"]
    assert rates["count"] == 7200
    for minutes in (1, 5, 15):
        assert rates[f"m{minutes}"] == pytest.approx(2.0, rel=0.03)
    at(monkeypatch, began + 3600 + 300)
    faded = snapshot()["meters"]["m"]
    assert faded["count"] == 7200
    for minutes in (1, 5, 15):
        expected = rates[f"m{minutes}"] * exp(-300 / (60 * minutes))
        assert faded[f"m{minutes}"] == pytest.approx(expected, rel=0.03)


def test_meters_bear_a_clock_that_is_set_back(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for began in (1_700_000_000, 1_600_000_000):
        for second in range(1200):
            at(monkeypatch, began + second)
            meter("m").mark()
    found = snapshot()["meters"]["m"]
    assert found["count"] == 2400
    assert found["m1"] == pytest.approx(1.0, rel=0.03)


def test_a_mark_that_waited_for_its_unit_hurries_no_clock(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, 1_700_000_000)
    with measured("long"):
        meter("m").mark()
        for second in range(600):
            at(monkeypatch, 1_700_000_000 + second)
            in_thread = threading.Thread(target=meter("m").mark)
            in_thread.start()
            in_thread.join()
    assert snapshot()["meters"]["m"]["m1"] == pytest.approx(1.0, rel=0.05)


def test_a_young_meter_knows_its_rate(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for tenth in range(100):
        at(monkeypatch, 1_700_000_000 + tenth / 10)
        meter("m").mark()
    assert snapshot()["meters"]["m"]["m15"] == pytest.approx(10, rel=0.05)


# Units of work


def test_measured_inside_measured_joins_it(store: Path) -> None:
    with measured("outer"), measured("inner"):
        assert current.get().name == "outer"
        with measured("innermost"):
            pass
    assert current.get() is None
    assert {n: r["requests"] for n, r in snapshot()["routes"].items()} == {"outer": 1}


def test_a_decorated_function_is_a_unit(route: Route) -> None:
    @measured("sync")
    def sync(a: int, *, b: int) -> int:
        """Its words."""
        return a + b

    @measured("async")
    async def run(n: int) -> int:
        if n:
            await asyncio.sleep(0.001)
            return await run(n - 1)
        return 0

    @measured("failing")
    def failing() -> None:
        raise KeyError("gone")

    assert [sync(1, b=2), sync(2, b=2), asyncio.run(run(3))] == [3, 4, 0]
    assert (sync.__name__, sync.__doc__) == ("sync", "Its words.")
    with pytest.raises(KeyError, match="gone"):
        failing()
    assert route("sync")["requests"] == 2
    assert route("async")["requests"] == 1
    assert (route("failing")["requests"], route("failing")["errors"]) == (1, 1)


def test_async_units_side_by_side_are_apart(route: Route) -> None:
    async def work(name: str) -> None:
        async with measured(name):
            await asyncio.sleep(0.001)
            counter(name).increment()

    async def all_of_them() -> None:
        await asyncio.gather(*(work(f"unit {n}") for n in range(5)), return_exceptions=False)

    asyncio.run(all_of_them())
    assert all(route(f"unit {n}")["requests"] == 1 for n in range(5))
    assert set(snapshot()["counters"].values()) == {1}


class Command(BaseCommand):
    stealth_options = ("command", "fail")

    def handle(self, **options: Any) -> None:
        if options.get("fail"):
            raise CommandError("no")
        counter("commanded").increment()


def test_commands_are_units(route: Route) -> None:
    call_command(Command())
    with pytest.raises(CommandError):
        call_command(Command(), fail=True)
    found = route("command:test_store")
    assert (found["kind"], found["requests"], found["errors"]) == ("unit", 2, 1)
    assert snapshot()["counters"] == {"commanded": 1}


def test_commands_that_only_hold_a_process_open_are_none(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {"runserver", "shell", "unhurried"} <= _outside.NO_UNITS
    monkeypatch.setattr(Command, "__module__", "django.core.management.commands.runserver")
    call_command(Command())
    assert snapshot()["routes"] == {}


@pytest.mark.parametrize(
    ("module", "verb"),
    [("run_huey", None), ("process_tasks", None), ("procrastinate", "worker")],
)
def test_each_job_of_a_worker_is_a_unit(
    route: Route, monkeypatch: pytest.MonkeyPatch, module: str, verb: str | None
) -> None:
    monkeypatch.setattr(Command, "__module__", f"site.management.commands.{module}")
    monkeypatch.setattr(Command, "handle", jobs)
    call_command(Command(), command=verb)
    assert [*snapshot()["routes"]] == ["job"]
    assert route("job")["requests"] == 3


def test_a_command_of_the_site_s_says_that_it_runs_for_ever(
    route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Command, "unhurried_unit", False, raising=False)
    monkeypatch.setattr(Command, "handle", jobs)
    call_command(Command())
    assert [*snapshot()["routes"]] == ["job"]


def test_another_verb_of_a_command_that_also_works_is_a_unit(
    route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Command, "__module__", "procrastinate.management.commands.procrastinate")
    call_command(Command(), command="defer")
    assert route("command:procrastinate")["requests"] == 1


def jobs(self: Command, **options: Any) -> None:
    for _ in range(3):
        with measured("job"):
            pass


def test_a_command_called_in_a_unit_joins_it(store: Path) -> None:
    with measured("outer"):
        call_command(Command())
    assert list(snapshot()["routes"]) == ["outer"]


app = celery.Celery("tests", broker="memory://", set_as_current=False)
_outside._listen_to_celery()  # as at start-up, where the project has imported it


@app.task(name="add")
def add(a: int, b: int) -> int:
    counter("added").increment()
    return a + b


@app.task(name="break")
def break_() -> None:
    raise ValueError("secret")


def test_celery_tasks_are_units(route: Route) -> None:
    assert add.apply((1, 2)).get() == 3
    assert break_.apply().failed()
    assert route("task:add")["requests"] == 1
    _outside._task_begins(task_id="1", sender=SimpleNamespace(name="unhurried.drain"))
    assert current.get() is None  # ours: what it works off is measured in its place
    assert (route("task:break")["requests"], route("task:break")["errors"]) == (1, 1)
    assert snapshot()["counters"] == {"added": 1}
    assert _outside._tasks == {}
    assert current.get() is None


def test_an_eager_task_is_part_of_its_request(store: Path, urls: None) -> None:
    Client().get("/eager/")
    assert {n: r["requests"] for n, r in snapshot()["routes"].items()} == {"eager/": 1}
    assert snapshot()["counters"] == {"added": 1}


def test_who_looks_inside_a_unit_sees_its_own_changes(store: Path, urls: None) -> None:
    assert Client().get("/look/").content == b"3"
    assert Client().get("/look/").content == b"6"
    assert snapshot()["counters"] == {"looked": 6}


def test_changes_of_a_unit_that_fails_count(store: Path) -> None:
    @measured("job")
    def job() -> float:
        counter("n").increment()
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        job()
    assert snapshot()["counters"] == {"n": 1}


def test_override_switches_the_store(tmp_path: Path) -> None:
    orders = counter("orders")
    with override(STORE=tmp_path / "one"):
        orders.increment()
        with override(STORE=tmp_path / "two"):
            orders.increment(2)
            assert snapshot()["counters"] == {"orders": 2}
        assert snapshot()["counters"] == {"orders": 1}
        orders.increment(5)
        assert snapshot()["counters"] == {"orders": 6}
        with measured("left"), override(STORE=str(tmp_path / "three")):
            orders.increment()
            assert snapshot()["counters"] == {"orders": 1}
    assert len(slots(tmp_path / "one")) == 1


# Bugs of our own


def test_strict_raises_what_production_logs_once(
    store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(*args: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(_instruments.Counter, "_write", bug)
    with pytest.raises(ZeroDivisionError):
        counter("x").increment()
    monkeypatch.setattr("unhurried.measure._errors._said", set())
    with override(STORE=store, STRICT=False):
        for _ in range(3):
            counter("x").increment()
            assert Client().get("/count/").status_code == 200
    kinds = [r.getMessage() for r in caplog.records if r.name == "unhurried"]
    assert kinds == ["unhurried went on without an instrument"]


def test_an_error_of_the_system_that_nobody_foresaw_breaks_no_page(
    store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(*args: object) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr("unhurried.measure._errors._said", set())
    monkeypatch.setattr("unhurried.measure._slot.reserve", bug)
    with override(STORE=store, STRICT=False):
        assert Client().get("/count/").status_code == 200
        assert _store.failure() is not None
    with override(STORE=store), pytest.raises(OSError, match="Invalid"):
        Client().get("/count/")


def test_a_signal_in_the_middle_of_a_write_does_not_hang(store: Path) -> None:
    """A handler, or a ``__del__`` that the collector runs, may count as well, on this thread."""

    def work() -> int:
        ticks, n = counter("ticks"), 1
        ticks.increment(0)
        histogram("h").update(0)
        signal.signal(signal.SIGALRM, lambda *args: ticks.increment())
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            histogram("h").update(n)
            n += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        return n

    n = in_child(work)
    assert snapshot()["histograms"]["h"]["count"] == n
    assert snapshot()["counters"]["ticks"] > 0


def test_a_signal_while_the_store_is_opened_does_not_hang(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it counts has no place yet, and is the only thing lost."""
    claim = _store.Slot.claim

    def interrupted(folder: Path, names_id: int) -> Any:
        counter("from a handler").increment()
        return claim(folder, names_id)

    def work() -> None:
        monkeypatch.setattr(_store.Slot, "claim", interrupted)
        increment("x", 3)

    in_child(work)
    assert snapshot()["counters"] == {"x": 3}


def test_a_slot_in_the_making_is_not_read(store: Path) -> None:
    increment("x", 1)
    making = store / f"v{L.VERSION}" / "slot-1"
    making.write_bytes(bytes(L.BASE_BYTES))
    assert snapshot()["counters"] == {"x": 1}
    assert SlotView(making).words[L.H_MAGIC] == 0
    in_child(increment, "x", 1)  # and is taken by the next who needs one
    assert slots(store) == ["slot-0", "slot-1"]
    assert snapshot()["counters"] == {"x": 2}
