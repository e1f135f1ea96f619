"""The store under real servers and sudden death: merged counters equal a truth kept beside it.

The truth is written before and after each request by the thread that serves it. What is merged
lies between the two: at most the one request in flight of each killed thread is lost.
"""

from __future__ import annotations

import http.client
import mmap
import os
import random
import signal
import struct
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import RequestFactory

from tests import servers
from unhurried.measure import reading, snapshot
from unhurried.testing import override

#: If something waited, this process would take a slot to write it, and be one of the workers.
pytestmark = [pytest.mark.services, pytest.mark.usefixtures("nothing_waits")]
PATH = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])  # for tests.settings
THREADS = 4
ROUTE = "count/"
Say = Callable[[str], None]


@pytest.fixture
def say(record_property: Callable[[str, object], None], request: pytest.FixtureRequest) -> Say:
    """Figures, shown with -s and kept in the report."""

    def saying(line: str) -> None:
        record_property("figures", line)
        sys.stdout.write(f"\n{request.node.name}: {line}\n")

    return saying


def slots(store: Path) -> list[str]:
    return [path.name for path in (store / f"v{reading.VERSION}").glob("slot-*")]


def others(store: Path) -> list[str]:
    found = [path for path in store.rglob("*") if path.is_file()]
    return [path.name for path in found if not path.name.startswith("slot-")]


def judge(store: Path, begun: int, done: int, killed_threads: int) -> str:
    """Compare what was merged with the truth; the instrument was bumped in the same request."""
    with override(STORE=store):
        found = snapshot()
    route, orders = found["routes"][ROUTE], found["counters"]["orders"]
    merged = route["requests"]
    assert done <= merged <= begun
    assert begun - done <= killed_threads
    assert abs(merged - orders) <= killed_threads  # killed between the two
    assert route["in_flight"] == 0
    assert found["workers"] == 0
    assert route["statuses"]["200"] - merged <= killed_threads
    assert route["wall"]["count"] == merged
    return f"begun {begun}, merged {merged}, done {done}, instrument {orders}"


@pytest.fixture(autouse=True)
def _connections_of_others(django_db_blocker: Any) -> Iterator[None]:
    """Django looks at open connections as a request begins; another test may have left one."""
    with django_db_blocker.unblock():
        yield


# Forked workers, killed as fast as they can be started


class Truth:
    """Two words for each thread that ever was, in memory shared over forks."""

    def __init__(self, threads: int) -> None:
        self.words = memoryview(mmap.mmap(-1, threads * 16)).cast("Q")

    @property
    def begun(self) -> int:
        return sum(self.words[::2].tolist())

    @property
    def done(self) -> int:
        return sum(self.words[1::2].tolist())


def serve(truth: Truth, place: int, life: float = 60.0, requests: int = 1 << 30) -> None:
    """One thread's work: real requests through WSGI and every middleware."""
    site, make = get_wsgi_application(), RequestFactory()
    end = time.monotonic() + life
    while requests and time.monotonic() < end:
        requests -= 1
        truth.words[2 * place] += 1
        list(site(make.get("/count/").environ, lambda *args: None))
        truth.words[2 * place + 1] += 1


def fork(work: Callable[[], None]) -> int:
    with warnings.catch_warnings():  # Python 3.12 warns of forks beside threads
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def in_threads(truth: Truth, first: int, life: float) -> None:
    threads = [
        threading.Thread(target=serve, args=(truth, first + n, life)) for n in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_kill_9_loses_at_most_the_requests_in_flight(tmp_path: Path, say: Say) -> None:
    store, truth = tmp_path / "store", Truth(40_000)
    living: set[int] = set()
    started = kills = 0
    chance = random.Random(4711)
    end, latest = time.monotonic() + 8, time.monotonic() + 60  # a busy machine takes longer
    with override(STORE=store, STRICT=False):
        while (now := time.monotonic()) < end or (truth.done <= 1000 and now < latest):
            while len(living) < 4:
                life, first = chance.uniform(0.02, 0.3), started * THREADS
                living.add(fork(lambda first=first, life=life: in_threads(truth, first, life)))
                started += 1
            if chance.random() < 0.5:
                victim = chance.choice(sorted(living))
                os.kill(victim, signal.SIGKILL)
                os.waitpid(victim, 0)
                living.discard(victim)
                kills += 1
            pid, _ = os.waitpid(-1, os.WNOHANG)
            living.discard(pid)
            time.sleep(0.005)  # the pace of death
        for pid in living:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            kills += 1
    told = judge(store, truth.begun, truth.done, kills * THREADS)
    say(
        f"{started} workers x {THREADS} threads, {kills} kill -9, {told}; {len(slots(store))} slots"
    )
    assert kills > 30
    assert truth.done > 1000
    assert len(slots(store)) <= 4
    assert len(others(store)) <= 8


@pytest.mark.busy
def test_a_thousand_recycles(tmp_path: Path, say: Say) -> None:
    """Every tenth dies in the middle; the rest when they have served their three requests."""
    store, truth = tmp_path / "store", Truth(1000)
    living: list[int] = []
    kills, peak, most = 0, 0, 0
    began = time.monotonic()

    def work(n: int) -> None:
        if n % 10 == 0:
            serve(truth, n)
        serve(truth, n, requests=3)

    def end_one() -> None:
        nonlocal kills
        n, pid = living.pop(0)
        if n % 10 == 0:
            os.kill(pid, signal.SIGKILL)
            kills += 1
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == (-signal.SIGKILL if n % 10 == 0 else 0)

    with override(STORE=store, STRICT=False):
        for n in range(1000):
            living.append((n, fork(lambda n=n: work(n))))
            peak = max(peak, len(living))
            if len(living) == 4:
                end_one()
            most = max(most, len(slots(store)) if n % 50 == 0 else 0)
        while living:
            end_one()
    seconds = time.monotonic() - began
    told = judge(store, truth.begun, truth.done, kills)
    say(
        f"1000 workers in {seconds:.1f} s, {kills} kill -9, {told}; "
        f"{len(slots(store))} slots at a peak of {peak}, others: {sorted(others(store))}"
    )
    assert max(most, len(slots(store))) <= peak == 4
    assert len(others(store)) <= 8


# gunicorn


class Load:
    """Visitors, until told to stop; who is cut off comes again."""

    def __init__(self, port: int) -> None:
        self.port, self.answers, self.failed = port, 0, 0
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._visit) for _ in range(12)]

    def _visit(self) -> None:
        answers = failed = 0
        while not self._stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                while not self._stop.is_set():
                    connection.request("GET", "/count/")
                    answer = connection.getresponse()
                    answer.read()
                    assert answer.status == 200
                    answers += 1
            except (OSError, http.client.HTTPException):
                failed += 1
            finally:
                connection.close()
        with self._lock:
            self.answers, self.failed = self.answers + answers, self.failed + failed

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def workers(master: int) -> list[int]:
    return [int(n) for n in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


@contextmanager
def gunicorn(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    (folder / "truth").mkdir()
    port = servers.free_port()
    argv = [sys.executable, "-m", "gunicorn", "tests.services.crash_site:application"]
    argv += ["-c", "tests/services/crash_gunicorn.py", "-b", f"127.0.0.1:{port}", "-w", "4"]
    argv += ["-k", "gthread", "--threads", str(THREADS), "--graceful-timeout", "5", *options]
    environment = os.environ | {"CRASH_FOLDER": str(folder), "PYTHONPATH": PATH}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
    try:
        wait_for(lambda: answers(port), folder)
        yield process, port
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/empty/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def wait_for(condition: Callable[[], Any], folder: Path) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, (folder / "log").read_text()[-3000:]
        time.sleep(0.05)


def words(folder: Path) -> tuple[int, int, int]:
    """(begun, done, processes that served) of all workers that ever were."""
    begun = done = served = 0
    for path in (folder / "truth").iterdir():
        data = path.read_bytes()
        numbers = struct.unpack(f"{len(data) // 8}Q", data)
        begun, done = begun + sum(numbers[::2]), done + sum(numbers[1::2])
        served += any(numbers)
    return begun, done, served


@pytest.mark.parametrize("preload", [True, False], ids=["preload", "no preload"])
def test_gunicorn_recycles_reloads_and_dies(tmp_path: Path, say: Say, preload: bool) -> None:
    options = ["--max-requests", "150", "--max-requests-jitter", "50"]
    kills = 0
    chance = random.Random(preload)
    with gunicorn(tmp_path, *options, *["--preload"] * preload) as (master, port):
        warm = sum(words(tmp_path)[:1])  # those that asked whether it is up: another route
        with Load(port) as load:
            end, reloads = time.monotonic() + 6, iter((1.5, 4.0))
            began, reload_at = time.monotonic(), next(reloads)
            while time.monotonic() < end:
                time.sleep(0.25)  # the pace of death
                if time.monotonic() - began > reload_at:
                    master.send_signal(signal.SIGHUP)
                    reload_at = next(reloads, 1e9)
                if living := workers(master.pid):
                    with suppress(ProcessLookupError):
                        os.kill(chance.choice(living), signal.SIGKILL)
                        kills += 1
    begun, done, served = words(tmp_path)
    store, peak = tmp_path / "store", int((tmp_path / "peak").read_text())
    told = judge(store, begun - warm, done - warm, kills * THREADS)
    say(
        f"{served} workers served, {kills} kill -9, 2 reloads, {load.answers} answers, "
        f"{load.failed} cut off, {told}; {len(slots(store))} slots at a peak of {peak}"
    )
    with override(STORE=store):
        imported = snapshot()["counters"]["imported"]
    if preload:
        assert imported == 1  # in the master, which every worker is a copy of
    assert load.answers <= done
    assert kills > 10
    assert len(slots(store)) <= peak + 1  # the master has one when it preloads
    assert len(others(store)) <= 8
