"""Each test has kicks, lanes and brokers of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from unhurried.later import _brokers, _kick, _lanes

WAIT_SECONDS = 15


def wait_until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"waited {WAIT_SECONDS} s: {_kick.figures()}"
        time.sleep(0.002)


@pytest.fixture(autouse=True)
def kicks(monkeypatch: pytest.MonkeyPatch) -> Iterator[_kick.Kicks]:
    """This test's kicks; its threads end with it."""
    fresh = _kick.Kicks()
    monkeypatch.setattr(_kick, "_kicks", fresh)
    monkeypatch.setattr(_lanes, "_lanes", {})
    monkeypatch.setattr(_lanes, "_long", set())
    monkeypatch.setattr(_brokers, "_brokers", {})
    yield fresh
    workers = (fresh.sender, fresh.drainer, *fresh.owners.values())
    for worker in workers:
        worker.stop()
    wait_until(lambda: not any(worker.alive for worker in workers))


class Work:
    """A lane's work: counts how often it was done, and waits inside while told to."""

    def __init__(self, name: str = "work", *, long: bool = False) -> None:
        self.name = name
        self.begun = self.done = 0
        self.threads: list[str] = []
        self.may_end = threading.Event()
        self.may_end.set()
        _lanes.lane(name, long=long)(self.drain)

    def drain(self) -> None:
        self.begun += 1
        self.threads.append(threading.current_thread().name)
        assert self.may_end.wait(WAIT_SECONDS)
        self.done += 1


@pytest.fixture
def work() -> Work:
    return Work()
