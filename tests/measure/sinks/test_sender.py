"""The thread behind a sink survives bugs and refusals, and no item waits for it."""

from __future__ import annotations

import threading

import pytest

from unhurried import testing
from unhurried.measure.sinks._sender import Sender

from .conftest import counted, wait_for


class Broken(Sender[int]):
    name = "broken"
    limit = 3
    period = 0.01

    def deliver(self) -> None:
        raise ValueError(self.buffer.popleft())

    def close(self) -> None:
        pass


@pytest.fixture
def broken(store):
    with testing.override(STORE=store, STRICT=False):
        sender = Broken()
        yield sender
        sender.stop()


def test_a_bug_does_not_end_the_thread(broken, caplog):
    broken.put(1)
    wait_for(lambda: not broken.buffer, "the first")
    broken.put(2)
    wait_for(lambda: not broken.buffer, "the second")
    said = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert len(said) <= 2  # once per kind: ValueError, and IndexError of the empty buffer
    assert all("went on without the sink broken" in text for text in said)


def test_without_a_thread_items_wait_then_are_lost(broken, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for n in range(5):
            broken.put(n)
    assert (list(broken.buffer), broken.lost) == ([0, 1, 2], 2)
    broken.start()
    wait_for(lambda: counted("unhurried.broken.lost") >= 2, "the loss")
