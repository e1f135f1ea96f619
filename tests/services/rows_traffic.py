"""``rows_site`` under gunicorn, visitors who read and write it, and what they may be served.

A page is judged by the writes that had returned when it was asked for: an older value may come only
with a ``Cache-Status`` that says so, or within ``allowed`` seconds of the write's return.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import servers

ROOT = Path(__file__).parents[2]
PATIENCE = 40
READERS = 3


@dataclass(frozen=True)
class Answer:
    asked: float
    took: float
    status: int
    body: str
    cache: str

    @property
    def hit(self) -> bool:
        return "; hit" in self.cache

    @property
    def flagged(self) -> bool:
        """Said to be old."""
        return "ttl=-" in self.cache


class Served:
    """A site that runs, by its port."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str, method: str = "GET") -> Answer:
        asked = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            body = response.read().decode()
        finally:
            connection.close()
        took, cache = time.monotonic() - asked, response.getheader("Cache-Status", "")
        return Answer(asked, took, response.status, body, cache)

    def write(self, number: int, value: int) -> Answer:
        return self.get(f"/write/{number}/{value}/", "POST")


@contextmanager
def serving(settings: Path, *options: str, **environment: str) -> Iterator[Served]:
    """gunicorn; ends with its workers."""
    port = servers.free_port()
    argv = [sys.executable, "-m", "gunicorn", "tests.services.rows_site:application"]
    argv += ["-b", f"127.0.0.1:{port}", "-k", "gthread", "--graceful-timeout", "5"]
    argv += ["--no-control-socket", *(options or ("-w", "2", "--threads", "8"))]
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "PYTHONPATH": paths, "ROWS_SETTINGS": str(settings), **environment}
    log = settings.with_suffix(f".{port}.log")
    with log.open("wb") as file:
        process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=file, stderr=file)
    try:
        site = Served(port)
        wait_until(lambda: is_up(site), log.read_text)
        yield site
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()


def is_up(site: Served) -> bool:
    with suppress(OSError, http.client.HTTPException):
        return site.get("/up/").status == 200
    return False


def wait_until(holds: Callable[[], Any], what: Callable[[], object] = lambda: "") -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, f"waited {PATIENCE} s\n{str(what())[-3000:]}"
        time.sleep(0.02)


@dataclass
class Traffic:
    """Readers of a few rows, and a writer who counts them up, until the block is left."""

    reading: Served
    writing: Served
    rows: tuple[int, ...] = (0, 1, 2, 3)
    reads: dict[int, list[Answer]] = field(default_factory=dict)
    writes: dict[int, list[tuple[float, int]]] = field(default_factory=dict)
    slowest: float = 0.0

    def __post_init__(self) -> None:
        self.reads = {row: [] for row in self.rows}
        self.writes = {row: [(time.monotonic(), 0)] for row in self.rows}
        self.quiet, self.errors = threading.Event(), list[BaseException]()
        self._stop, self._idle = threading.Event(), threading.Event()
        works = [self._read] * READERS + [self._write]
        self._threads = [threading.Thread(target=self._work, args=(each,)) for each in works]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, step: Callable[[int], None]) -> None:
        turn = 0
        while not self._stop.is_set() and not self.errors:
            try:
                step(self.rows[turn % len(self.rows)])
            except BaseException as error:  # boundary: raised when the traffic is judged
                self.errors.append(error)
            turn += 1

    def _read(self, row: int) -> None:
        answer = self.reading.get(f"/row/{row}/")
        self.reads[row].append(answer)
        self.slowest = max(self.slowest, answer.took)
        time.sleep(0.002)

    def _write(self, row: int) -> None:
        if self.quiet.is_set():
            self._idle.set()
            self._stop.wait(0.01)
            return
        self._idle.clear()
        value = self.writes[row][-1][1] + 1
        answer = self.writing.write(row, value)
        assert answer.status == 200, answer
        self.writes[row].append((time.monotonic(), value))
        self._stop.wait(0.1)

    def for_a_while(self, seconds: float) -> None:
        self._stop.wait(seconds)

    @contextmanager
    def no_writes(self) -> Iterator[None]:
        self._idle.clear()
        self.quiet.set()
        wait_until(lambda: self._idle.is_set() or self.errors)
        yield
        self.quiet.clear()

    def hits_again(self) -> None:
        """Wait until each row is served fresh from the cache, asked from now on."""
        began = time.monotonic()

        def all_hit() -> bool:
            return bool(self.errors) or all(
                any(each.asked > began and each.hit and not each.flagged for each in answers[-50:])
                for answers in self.reads.values()
            )

        wait_until(all_hit, lambda: {row: answers[-3:] for row, answers in self.reads.items()})

    def stale(self) -> list[tuple[float, int, Answer]]:
        """(for how long it had been old, row, answer) of what was old and not said to be."""
        found = []
        for row, answers in self.reads.items():
            newer = {value - 1: returned for returned, value in self.writes[row]}
            for each in answers:
                returned = newer.get(int(each.body))
                if returned is not None and each.asked > returned and not each.flagged:
                    found.append((each.asked - returned, row, each))
        return sorted(found, key=lambda each: each[0])

    def judge(self, allowed: float = 0.0) -> str:
        if self.errors:
            raise self.errors[0]
        answers = [each for row in self.reads.values() for each in row]
        wrong = [each for each in answers if each.status != 200]
        assert not wrong, wrong[:3]
        stale, hits = self.stale(), sum(each.hit for each in answers)
        longest = stale[-1][0] if stale else 0.0
        assert longest <= allowed, f"{len(stale)} of {len(answers)} old: {stale[-3:]}"
        writes = sum(len(each) - 1 for each in self.writes.values())
        return (
            f"{len(answers)} pages, {hits} from the cache, {writes} writes, slowest page "
            f"{self.slowest:.2f} s, {len(stale)} old, at most for {longest:.3f} s"
        )
