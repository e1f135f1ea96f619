"""The embedded kick: one thread in each process."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from unhurried import testing
from unhurried.later import _kick, _lanes, _pending, _testing, _thread
from unhurried.later.reading import (
    LaterError,
    background,
    drain_now,
    figures,
    kick,
    lane,
    paused,
    settle,
)
from unhurried.measure import snapshot

from .conftest import WAIT_SECONDS, Work, wait_until


def test_a_kick_is_done_in_another_thread(work: Work) -> None:
    assert kick("work", label="pins.views.feed")
    wait_until(lambda: work.done == 1)
    assert work.threads == ["unhurried-later"]
    assert (figures().kicks, figures().drained, figures().waiting) == (1, 1, 0)


def test_kicks_of_one_lane_are_one_until_it_begins(work: Work) -> None:
    work.may_end.clear()
    kick("work")
    wait_until(lambda: work.begun == 1)
    assert all(kick("work") for _ in range(5))  # the first was under way: once more for all five
    assert figures().merged == 4
    work.may_end.set()
    wait_until(lambda: work.done == 2)
    wait_until(lambda: figures().waiting == 0)
    assert work.begun == 2


def test_lanes_are_drained_apart(work: Work) -> None:
    other = Work("other")
    kick("work")
    kick("other")
    wait_until(lambda: work.done == other.done == 1)


def test_no_lane_waits_for_a_long_one(work: Work) -> None:
    slow = Work("slow", long=True)
    slow.may_end.clear()
    kick("slow")
    wait_until(lambda: slow.begun == 1)
    kick("slow")
    kick("work")
    wait_until(lambda: work.done == 1)
    slow.may_end.set()
    wait_until(lambda: slow.done >= 2)  # asked for while it was under way
    assert slow.threads[0] == "unhurried-slow"


def test_a_drain_is_a_measured_unit(store: Any, work: Work) -> None:
    kick("work")
    wait_until(lambda: "later:work" in snapshot()["routes"])
    assert snapshot()["routes"]["later:work"]["requests"] == 1


def test_the_thread_outlives_an_error(store: Any, work: Work) -> None:
    @lane("broken")
    def drain() -> None:
        raise ValueError("a page that does not render")

    with testing.override(STORE=store, STRICT=False):
        kick("broken")
        wait_until(lambda: figures().raised == 1)
        kick("work")
        wait_until(lambda: work.done == 1)
        assert snapshot()["counters"]["unhurried.later.raised"] == 1
        assert snapshot()["routes"]["later:broken"]["errors"] == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_under_strict_the_error_is_raised_and_the_next_kick_has_a_new_thread(work: Work) -> None:
    seen: list[threading.ExceptHookArgs] = []
    before, threading.excepthook = threading.excepthook, seen.append

    @lane("broken")
    def drain() -> None:
        raise ValueError("a bug")

    try:
        kick("broken")
        wait_until(lambda: seen and not _kick._kicks.drainer.alive)
    finally:
        threading.excepthook = before
    assert seen[0].exc_type is ValueError
    kick("work")
    wait_until(lambda: work.done == 1)


def test_a_lane_that_nobody_drains(work: Work) -> None:
    with pytest.raises(LaterError, match=r"No lane is called 'wrok'; this process knows work\."):
        kick("wrok")
    with testing.override(STRICT=False):
        assert kick("wrok") is False


def test_a_lane_has_one_drain() -> None:
    @lane("mail")
    def drain() -> None: ...

    assert lane("mail")(drain) is drain  # as when its module is loaded again
    with pytest.raises(LaterError, match="Give the lane another name"):
        lane("mail")(test_a_lane_has_one_drain)
    with pytest.raises(TypeError, match="non-empty str"):
        lane("")


def test_no_thread_to_be_had(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert kick("work") is False
    assert kick("work")  # the work has waited
    wait_until(lambda: work.done == 1)


def test_a_thread_without_work_ends_and_another_begins(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_thread, "IDLE", 0.01)
    for n in (1, 2, 3):
        kick("work")
        wait_until(lambda n=n: work.done == n)
        wait_until(lambda: not _kick._kicks.drainer.alive)


def test_a_drain_that_kicks_itself_does_not_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pending, "PAUSE", 3600.0)
    drained = []

    @lane("restless")
    def drain() -> None:
        drained.append(kick("restless"))

    kick("restless")
    wait_until(lambda: drained == [True])
    assert figures().waiting == 1
    wait = _kick._kicks.pending.wait()
    assert wait is not None
    assert 3500 < wait <= 3600


def test_paused_kicks_wait_for_drain_now(work: Work) -> None:
    with paused():
        kick("work")
        kick("work")
        assert not _kick._kicks.drainer.alive
        assert drain_now() == ["work"]
        assert drain_now() == []
    assert work.threads == [threading.current_thread().name]


def test_kicks_not_drained_while_paused_are_drained_after(work: Work) -> None:
    with paused():
        kick("work")
    wait_until(lambda: work.threads == ["unhurried-later"])


def test_a_test_that_ends_waits_for_the_turn_under_way_and_forgets_what_waits(work: Work) -> None:
    kick("work")
    wait_until(lambda: work.done == 1)
    work.may_end.clear()
    kick("work")
    wait_until(lambda: work.begun == 2)
    kick("work")
    threading.Timer(0.1, work.may_end.set).start()
    settle()
    assert (work.begun, work.done, figures().waiting) == (2, 2, 0)
    kick("work")
    wait_until(lambda: work.done == 3)


def test_what_the_last_turn_asks_for_is_forgotten_too(work: Work) -> None:
    begun, may_end, turns = threading.Event(), threading.Event(), []

    @lane("restless")
    def drain() -> None:
        begun.set()
        turns.append(may_end.wait(WAIT_SECONDS))
        kick("restless")

    kick("restless")
    assert begun.wait(WAIT_SECONDS)
    threading.Timer(0.1, may_end.set).start()
    settle()
    assert (turns, figures().waiting, _kick._kicks.drainer.alive) == ([True], 0, False)


def test_a_test_that_ends_while_paused_leaves_no_pause(work: Work) -> None:
    kick("work")
    wait_until(lambda: work.done == 1)  # its thread lives on
    with paused():
        settle()
        kick("work")
        assert not _kick._kicks.drainer.alive
    wait_until(lambda: work.done == 2)


@pytest.fixture
def other_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under Django's runner: nobody ends a thread before the test's database goes."""
    monkeypatch.setattr(_testing, "PLUGIN", "no such module")


@pytest.mark.parametrize("later", ["thread", "celery"])
def test_in_a_test_that_ends_no_threads_none_begins(
    work: Work, other_runner: None, later: str
) -> None:
    with testing.override(LATER=later):
        assert kick("work")
        assert not _kick._kicks.drainer.alive
        assert not _kick._kicks.sender.alive
        assert drain_now() == ["work"]
    assert work.threads == [threading.current_thread().name]


def test_a_test_may_ask_for_threads_which_end_with_the_block(
    work: Work, other_runner: None
) -> None:
    with background():
        kick("work")
        wait_until(lambda: work.done == 1)
        drainer = _kick._kicks.drainer
    assert not drainer.alive
    kick("work")
    assert not _kick._kicks.drainer.alive
    assert drain_now() == ["work"]


@pytest.mark.parametrize(("job", "done"), [("a job", 0), (None, 1)])
def test_in_a_job_of_rq_no_thread_begins_what_would_end_with_the_job(
    work: Work, monkeypatch: pytest.MonkeyPatch, job: str | None, done: int
) -> None:
    rq = types.SimpleNamespace(get_current_job=lambda: job)
    monkeypatch.setitem(sys.modules, "rq", rq)  # type: ignore[arg-type]
    assert kick("work")
    assert _kick._kicks.drainer.alive == bool(done)
    wait_until(lambda: work.done == done)


def test_drain_now_raises_and_runs_what_is_asked_for_once(work: Work) -> None:
    @lane("broken")
    def drain() -> None:
        kick("broken")
        raise ValueError("a bug")

    with paused():
        kick("broken")
        with pytest.raises(ValueError, match="a bug"):
            drain_now()
        assert figures().waiting == 1
        _kick._kicks.pending.pop()


def test_a_kick_in_a_coroutine(work: Work) -> None:
    import asyncio

    async def page() -> bool:
        return kick("work")

    assert asyncio.run(page())
    wait_until(lambda: work.done == 1)


def test_no_kick_is_lost_among_threads(kicks: _kick.Kicks, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was wanted before a kick is seen by a drain that begins after it."""
    monkeypatch.setattr(_pending, "PAUSE", 0.0)
    wanted, seen = [0, 0, 0], [0, 0, 0]

    def drain(n: int) -> None:
        seen[n] = wanted[n]

    for n in range(3):
        monkeypatch.setitem(_lanes._lanes, f"lane{n}", lambda n=n: drain(n))
    all_there = threading.Barrier(4)

    def ask(n: int) -> None:
        all_there.wait()
        for _ in range(300):
            wanted[n] += 1
            kick(f"lane{n}")

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    assert kick("lane0")
    wait_until(lambda: figures().drained == 1)
    with switching_often():  # once all have begun: a thread that begins is traced, one at a time
        all_there.wait()
        for thread in threads:
            thread.join()
        wait_until(lambda: seen == wanted == [300, 300, 300])


@contextmanager
def switching_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
