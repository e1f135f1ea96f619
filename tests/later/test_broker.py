"""A broker that takes, refuses, hangs or is no broker: what becomes of the kick, and when."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import pytest

from unhurried import testing
from unhurried.later import _breaker, _brokers, _kick, _lanes, _pending
from unhurried.later.reading import drain_now, figures, kick, paused

from .conftest import WAIT_SECONDS, Work, wait_until


class Fake:
    """A broker in this process: what it was sent, and what it does about it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.error: Exception | None = None
        self.fit = True
        self.tries = self.forks = 0
        self.answers = threading.Event()
        self.answers.set()

    def send(self, lane: str, label: str) -> bool:
        self.tries += 1
        assert self.answers.wait(WAIT_SECONDS)
        if self.error is not None:
            raise self.error
        if self.fit:
            self.sent.append((lane, label))
        return self.fit

    def after_fork(self) -> None:
        self.forks += 1


@pytest.fixture
def fake(kicks: _kick.Kicks, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    made = Fake()
    monkeypatch.setitem(_brokers._brokers, "celery", made)
    with testing.override(LATER="celery"):
        yield made
        made.answers.set()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(_breaker.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pending, "PATIENCE", 0.02)


def test_a_broker_gets_the_lanes_name_and_the_label_alone(fake: Fake, work: Work) -> None:
    assert kick("work", label="pins.views.feed")
    wait_until(lambda: figures().waiting == 0)
    assert fake.sent == [("work", "pins.views.feed")]
    assert (work.begun, figures().sent, figures().breaker) == (0, 1, "closed")


def test_kicks_on_their_way_are_one(fake: Fake, work: Work) -> None:
    fake.answers.clear()
    kick("work")
    wait_until(lambda: fake.tries == 1)
    assert all(kick("work") for _ in range(5))
    fake.answers.set()
    wait_until(lambda: len(fake.sent) == 2)
    wait_until(lambda: figures().waiting == 0)
    assert figures().merged == 4


def test_what_a_broker_refuses_is_done_here(fake: Fake, work: Work) -> None:
    fake.error = ConnectionRefusedError(111, "Connection refused")
    assert kick("work")
    wait_until(lambda: work.threads == ["unhurried-later"])
    assert (figures().failed, figures().sent, figures().breaker) == (1, 0, "open")


def test_a_dead_broker_is_left_alone_then_probed_by_one(
    fake: Fake, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_breaker, "FIRST", 3600.0)
    fake.error = TimeoutError()
    kick("work")
    wait_until(lambda: work.done == 1)
    for n in range(2, 12):
        kick("work")
        wait_until(lambda n=n: work.done == n)
    assert fake.tries == 1
    _kick._kicks.breaker._until = 0.0  # the pause is over
    fake.error = None
    kick("work")
    wait_until(lambda: fake.sent == [("work", "")])
    wait_until(lambda: figures().breaker == "closed")
    assert (fake.tries, work.done) == (2, 11)


@pytest.mark.usefixtures("impatient")
def test_a_broker_that_never_answers_is_not_waited_for(fake: Fake, work: Work) -> None:
    fake.answers.clear()
    kick("work")
    wait_until(lambda: work.done == 1)
    assert (figures().late, figures().breaker) == (1, "open")
    kick("work")
    wait_until(lambda: work.done == 2)
    fake.answers.set()
    wait_until(lambda: figures().breaker == "closed")  # it did answer: it is there again
    assert len(fake.sent) == 1


@pytest.mark.usefixtures("impatient")
def test_a_probe_that_hangs_keeps_the_others_off(fake: Fake, work: Work) -> None:
    fake.answers.clear()
    kick("work")
    wait_until(lambda: work.done == 1)
    _kick._kicks.breaker._until = 0.0
    kick("work")  # the probe: the sender hangs still
    wait_until(lambda: work.done == 2)
    assert (figures().late, fake.tries, _kick._kicks.breaker._pause) == (2, 1, 2.0)
    fake.answers.set()


def test_after_one_refusal_the_round_is_over(fake: Fake, work: Work) -> None:
    other = Work("other")
    fake.error = OSError("gone")
    _kick._kicks.pending.hand("work", "")
    _kick._kicks.pending.hand("other", "")
    _kick._kicks.sender.wake()
    wait_until(lambda: work.done == other.done == 1)
    assert (fake.tries, figures().failed) == (1, 1)


def test_an_unfit_backend_is_not_let_near_the_work(fake: Fake, work: Work) -> None:
    fake.fit = False
    kick("work")
    wait_until(lambda: work.threads == ["unhurried-later"])
    assert (figures().failed, figures().breaker) == (0, "closed")


class EncodeError(TypeError):
    """No fault of the broker's."""


def test_a_bug_is_raised_under_strict_and_the_work_is_done_all_the_same(
    fake: Fake, work: Work
) -> None:
    fake.error = EncodeError("not JSON")
    _kick._kicks.pending.hand("work", "")
    with pytest.raises(EncodeError):
        _kick._kicks.send()
    wait_until(lambda: work.done == 1)


def test_a_bug_is_logged_in_production(
    fake: Fake, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    fake.error = EncodeError("not JSON")
    with testing.override(LATER="celery", STRICT=False):
        kick("work")
        wait_until(lambda: "LATER='celery'" in caplog.text)
    wait_until(lambda: work.done == 1)


def test_while_paused_no_broker_is_asked(fake: Fake, work: Work) -> None:
    with paused():
        kick("work")
        assert drain_now() == ["work"]
    assert (fake.tries, work.done) == (0, 1)


def test_a_setting_that_nobody_serves_is_done_by_the_thread(
    work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    with testing.override(LATER="rabbit", STRICT=False):
        kick("work")
        wait_until(lambda: "LATER='rabbit'" in caplog.text)
    wait_until(lambda: work.done == 1)


def test_the_breaker_doubles_to_a_minute(clock: list[float]) -> None:
    breaker = _breaker.Breaker()
    assert breaker.allows()
    breaker.failed()
    pauses = []
    for _ in range(8):
        breaker.failed()  # the same failure, told by another, or the probe's
        pauses.append(breaker._until - clock[0])
        clock[0] = breaker._until - 0.001
        assert not breaker.allows()
        clock[0] = breaker._until
        assert breaker.allows()
        assert not breaker.allows()  # one probes, and need not come back
        assert breaker.state == "open"
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    breaker.succeeded()
    assert breaker.state == "closed"
    breaker.failed()
    assert breaker._until - clock[0] == 1


def test_a_lane_that_waits_to_be_drained_here_may_be_the_probe(fake: Fake, work: Work) -> None:
    """Or a busy thread would keep a broker that is back from ever being asked."""
    work.may_end.clear()
    _kick._kicks.breaker.failed()
    kick("work")
    wait_until(lambda: work.begun == 1)
    kick("work")  # waits behind the first
    _kick._kicks.breaker._until = 0.0
    kick("work")
    wait_until(lambda: fake.sent == [("work", "")])
    assert figures().breaker == "closed"
    work.may_end.set()
    wait_until(lambda: work.done == 2)


class Moody:
    """Works at once, or refuses before, or fails after, as a network does; or hangs a moment."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def send(self, lane: str, label: str) -> bool:
        mood = self.random.choice(["take", "take", "refuse", "fail", "hang"])
        if mood == "refuse":
            raise ConnectionRefusedError
        if mood == "hang":
            threading.Event().wait(0.005)
        _lanes.run(lane)
        if mood == "fail":
            raise TimeoutError
        return True

    def after_fork(self) -> None: ...


@pytest.mark.parametrize("seed", range(5))
def test_no_kick_is_lost_whatever_the_broker_does(
    seed: int, kicks: _kick.Kicks, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (_pending, _kick):
        monkeypatch.setattr(module, "PAUSE", 0.0)
    monkeypatch.setattr(_pending, "PATIENCE", 0.003)
    monkeypatch.setattr(_breaker, "FIRST", 0.001)
    monkeypatch.setattr(_breaker, "LONGEST", 0.004)
    monkeypatch.setitem(_brokers._brokers, "celery", Moody(seed))
    wanted, seen = [0, 0], [0, 0]

    def drain(n: int) -> None:
        seen[n] = max(seen[n], wanted[n])

    for n in range(2):
        monkeypatch.setitem(_lanes._lanes, f"lane{n}", lambda n=n: drain(n))
    with testing.override(LATER="celery"):
        for _ in range(200):
            for n in range(2):
                wanted[n] += 1
                kick(f"lane{n}")
            threading.Event().wait(0.0005)
        wait_until(lambda: seen == wanted)
        wait_until(lambda: figures().waiting == 0)
    assert figures().sent
    assert figures().failed + figures().late
