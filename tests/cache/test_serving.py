"""Who computes, who waits, who gets the old one: states and what becomes of them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from tests.measure.children import in_child
from unhurried import testing
from unhurried.cache import cached, invalidate
from unhurried.cache._chance import chance
from unhurried.cache._engine import _counts, _wait
from unhurried.cache._stores._memory import MemoryStore
from unhurried.cache._units._unit import unit_now


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as pool:
        yield pool
        for _ in range(20):
            pool.submit(connections.close_all)


class Slow:
    """A cached function that can be held between its beginning and its end."""

    def __init__(self, **options: Any) -> None:
        self.ran = 0
        self.begun, self.go_on = Event(), Event()
        self.go_on.set()
        self.fails = False
        self.name = f"slow-{uuid4()}"
        ttl = options.pop("ttl", 600)
        self.cached = cached(ttl, key=self.name, **options)(self.compute)

    def compute(self) -> int:
        self.ran += 1
        mine = self.ran
        self.begun.set()
        assert self.go_on.wait(20)
        if self.fails:
            raise RuntimeError("no answer")
        return mine

    def hold(self) -> None:
        self.begun.clear()
        self.go_on.clear()


def counted(slow: Slow, what: str) -> int:
    sums = _counts.seen.get(slow.name)
    return sums.counts[_counts.LANE[what]] if sums else 0


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_many_cold_readers_compute_once(pool: ThreadPoolExecutor) -> None:
    slow, together = Slow(), Barrier(20)

    def read() -> int:
        together.wait(20)
        return slow.cached()

    slow.hold()
    readers = [pool.submit(read) for _ in range(20)]
    assert slow.begun.wait(20)
    time.sleep(0.05)
    slow.go_on.set()
    assert {reader.result(20) for reader in readers} == {1}
    assert slow.ran == 1


def test_after_a_change_one_recomputes_and_the_others_get_the_old_one(
    pool: ThreadPoolExecutor,
) -> None:
    slow = Slow()
    assert slow.cached() == 1
    invalidate(slow.name)
    slow.hold()
    first = pool.submit(slow.cached)
    assert slow.begun.wait(20)
    assert slow.cached() == 1
    assert slow.cached.peek().state == "stale"
    slow.go_on.set()
    assert first.result(20) == 2
    assert slow.cached() == 2
    assert slow.ran == 2


def test_wait_gives_nobody_the_old_one(pool: ThreadPoolExecutor) -> None:
    slow = Slow(on_change="wait")
    slow.cached()
    invalidate(slow.name)
    slow.hold()
    first = pool.submit(slow.cached)
    assert slow.begun.wait(20)
    second = pool.submit(slow.cached)
    time.sleep(0.05)
    assert not second.done()
    slow.go_on.set()
    assert first.result(20) == second.result(20) == 2


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "filebased.FileBasedCache"])
def test_chance_is_its_own(settings: Any, tmp_path: Path, backend: str) -> None:
    """A site's test that has seeded it sees the same numbers, kept or not."""
    backend = f"django.core.cache.backends.{backend}"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": str(tmp_path)}}
    slow = Slow()
    before = random.getstate()
    assert [slow.cached() for _ in range(3)] == [1, 1, 1]
    next(_wait._pauses())
    assert random.getstate() == before


def test_children_are_not_early_all_at_once() -> None:
    state = chance.getstate()
    drawn = [in_child(chance.random) for _ in range(2)]
    chance.setstate(state)
    assert len({*drawn, chance.random()}) == 3


def test_who_waits_too_long_computes(pool: ThreadPoolExecutor) -> None:
    slow = Slow()
    slow.hold()
    first = pool.submit(slow.cached)
    assert slow.begun.wait(20)
    with testing.override(WAIT=0.1):
        second = pool.submit(slow.cached)
        while slow.ran < 2:
            time.sleep(0.01)
    slow.go_on.set()
    assert {first.result(20), second.result(20)} == {1, 2}
    assert slow.cached.peek().value == 1  # the lease was the first one's


def test_a_first_computation_keeps_its_lease_for_longer_than_anybody_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow, asked = Slow(), []
    add = MemoryStore.add

    def adding(store: MemoryStore, key: str, data: bytes, ttl: float) -> bool:
        asked.append(ttl)
        return add(store, key, data, ttl)

    monkeypatch.setattr(MemoryStore, "add", adding)
    with testing.override(WAIT=30):
        slow.cached()
    assert max(asked) > 30


def test_a_failed_regeneration_serves_the_old_one_and_waits_before_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    slow = Slow()
    slow.cached()
    invalidate(slow.name)
    slow.fails = True
    assert slow.cached() == slow.cached() == 1
    assert slow.ran == 2, "it backs off"
    assert "could not be computed anew" in caplog.text
    assert slow.cached.peek().state == "stale"


def test_without_an_old_one_the_error_is_the_callers() -> None:
    slow = Slow()
    slow.fails = True
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no answer"):
            slow.cached()
    slow.fails = False
    assert slow.cached() == 3


def test_the_ttl_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(ttl=0.05)
    assert slow.cached() == 1
    time.sleep(0.06)
    assert slow.cached.peek().state == "missing"
    assert slow.cached() == 2


def test_changed_data_are_not_served_beyond_the_ttl() -> None:
    slow = Slow(ttl=1)
    slow.cached()
    invalidate(slow.name)
    slow.fails = True
    assert slow.cached() == 1
    time.sleep(1.01)
    with pytest.raises(RuntimeError):
        slow.cached()


def test_an_older_computation_never_overwrites_a_newer(pool: ThreadPoolExecutor) -> None:
    """Its lease has run out, somebody else has the next one."""
    slow = Slow()
    slow.hold()
    first = pool.submit(slow.cached)
    assert slow.begun.wait(20)
    slow.cached.invalidate()
    with testing.override(WAIT=0.05):
        second = pool.submit(slow.cached)
        while slow.ran < 2:
            time.sleep(0.01)
    slow.go_on.set()
    first.result(20), second.result(20)
    assert slow.cached.peek().state != "fresh", "made before the change"
    assert slow.cached() == 3


def test_an_outer_one_depends_on_what_the_inner_one_has_read() -> None:
    inner = Slow()
    outer = cached(600, key=f"outer-{uuid4()}")(lambda: [inner.cached()])
    inner.cached()
    assert outer() == [1]
    invalidate(inner.name)
    assert outer.peek().state == "stale"
    assert outer() == [2]


def test_an_outer_one_with_a_stale_part_is_not_kept(pool: ThreadPoolExecutor) -> None:
    inner = Slow()
    outer = cached(600, key=f"outer-{uuid4()}")(lambda: [inner.cached()])
    inner.cached()
    invalidate(inner.name)
    inner.hold()
    first = pool.submit(inner.cached)
    assert inner.begun.wait(20)
    assert outer() == [1]
    assert outer.peek().state == "missing"
    inner.go_on.set()
    assert first.result(20) == 2
    assert outer() == [2]


def test_an_outer_one_is_not_fresh_for_longer_than_its_parts() -> None:
    inner = Slow(ttl=0.2)
    outer = cached(600, key=f"outer-{uuid4()}")(lambda: [inner.cached()])
    assert outer() == [1]
    time.sleep(0.21)
    assert outer() == [2]


def racing(pool: ThreadPoolExecutor, slow: Slow, write: Callable[[], None]) -> None:
    slow.hold()
    reader = pool.submit(slow.cached)
    assert slow.begun.wait(20)
    write()
    slow.go_on.set()
    reader.result(20)


def test_what_was_computed_before_a_change_and_stored_after_it_is_never_served(
    pool: ThreadPoolExecutor,
) -> None:
    slow = Slow()
    racing(pool, slow, lambda: invalidate(slow.name))
    assert slow.cached() == 2


def test_async_functions() -> None:
    ran = []

    @cached(600, key=f"async-{uuid4()}")
    async def answer(n: int) -> list[int]:
        ran.append(n)
        return [n]

    async def twice() -> list[list[int]]:
        return [await answer(1), await answer(1)]

    assert asyncio.run(twice()) == [[1], [1]]
    assert ran == [1]
    assert asyncio.run(asyncio.wait_for(answer(2), 5)) == [2]


def _together(pool: ThreadPoolExecutor, slow: Slow, readers: int) -> None:
    """All of them compute at once, or the barrier breaks."""
    inside = Barrier(readers)
    compute = slow.cached.function

    def meeting() -> int:
        inside.wait(10)
        return compute()

    slow.cached.function = meeting
    for reader in [pool.submit(slow.cached) for _ in range(readers)]:
        assert str(reader.exception(20)) == ("no answer" if slow.fails else "None")


def refuse(slow: Slow) -> None:
    compute = slow.cached.function

    def refusing() -> int:
        unit = unit_now()
        assert unit is not None
        unit.refuse("nobody may keep this")
        return compute()

    slow.cached.function = refusing


def fail(slow: Slow) -> None:
    slow.fails = True


@pytest.mark.parametrize("spoil", [refuse, fail])
def test_nobody_waits_for_what_is_not_kept(
    pool: ThreadPoolExecutor, spoil: Callable[[Slow], None]
) -> None:
    slow = Slow()
    spoil(slow)
    slow.hold()
    first = pool.submit(slow.cached)
    assert slow.begun.wait(20)
    waiting = [pool.submit(slow.cached) for _ in range(8)]
    wait_until(lambda: counted(slow, "waited") == 8)
    slow.begun.clear()
    inside = Barrier(8)
    compute = slow.cached.function

    def meeting() -> int:
        inside.wait(10)
        return compute()

    slow.cached.function = meeting
    slow.go_on.set()
    for reader in (first, *waiting):
        assert str(reader.exception(20)) == ("no answer" if slow.fails else "None")
    slow.cached.function = compute
    _together(pool, slow, 8)


def test_what_is_kept_again_is_waited_for_again(pool: ThreadPoolExecutor) -> None:
    slow = Slow()
    slow.fails = True
    with pytest.raises(RuntimeError):
        slow.cached()
    slow.fails = False
    assert slow.cached() == 2
    invalidate(slow.name)
    assert slow.cached() == 3  # not the old one: the failure is forgotten


def test_a_refusal_that_is_ones_own_lets_the_others_wait(pool: ThreadPoolExecutor) -> None:
    slow = Slow()
    compute = slow.cached.function

    def refusing() -> int:
        unit = unit_now()
        assert unit is not None
        if slow.ran == 0:
            unit.refuse("data were changed", once=True)
        return compute()

    slow.cached.function = refusing
    slow.hold()
    readers = [pool.submit(slow.cached) for _ in range(8)]
    wait_until(lambda: counted(slow, "waited") == 7)
    slow.go_on.set()
    assert sorted({reader.result(20) for reader in readers}) == [1, 2]


def test_where_nobody_gets_the_old_one_a_failure_is_one() -> None:
    slow = Slow(on_change="wait")
    assert slow.cached() == 1
    invalidate(slow.name)
    slow.fails = True
    for _ in range(2):  # nor while the next attempt is put off
        with pytest.raises(RuntimeError):
            slow.cached()
    slow.fails = False
    assert slow.cached() == 4
