"""Units of work that others share, generate, fork and hold open for hours."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import sleep, thread_time
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from tests.measure.children import Link, in_child
from unhurried.measure import _instruments, _record, counter, gauge, measured, snapshot, timer
from unhurried.measure._history import shared_cache
from unhurried.measure._probes import cache as cache_probe
from unhurried.measure._record import CACHE, under_way
from unhurried.measure._units import active, finish, start
from unhurried.measure._wraps import charged
from unhurried.testing import override


def test_threads_may_share_one_object(store: object) -> None:
    job, together = measured("job"), threading.Barrier(8)

    def work() -> None:
        for _ in range(20):
            together.wait()
            with job:
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert snapshot()["routes"]["job"]["requests"] == 160


@pytest.mark.parametrize(
    ("age", "least", "most"), [(0, 0.05, 5), (60, 0.05, 5), (None, 0, 0)], ids=str
)
@pytest.mark.django_db
def test_a_connect_is_timed_from_its_beginning(
    store: object, monkeypatch: pytest.MonkeyPatch, age: int | None, least: float, most: float
) -> None:
    """A connection that is never closed is made once, and not timed."""
    other = connection.copy()
    opened = other.get_new_connection
    monkeypatch.setitem(other.settings_dict, "CONN_MAX_AGE", age)
    monkeypatch.setattr(other, "get_new_connection", lambda how: sleep(0.05) or opened(how))
    with measured("far"):
        other.connect()
    other.connection.close()  # of a database in memory, its own close() closes nothing
    found = snapshot()["routes"]["far"]
    assert found["connects"] == 1
    assert least <= found["connecting"] <= most


def test_tasks_that_overlap_may_share_one_object(store: object) -> None:
    job = measured("job")
    first, second = contextvars.copy_context(), contextvars.copy_context()
    first.run(job.__enter__)
    second.run(job.__enter__)
    first.run(job.__exit__, None, None, None)
    second.run(job.__exit__, None, None, None)
    assert snapshot()["routes"]["job"]["requests"] == 2


def test_a_generator_can_not_be_decorated() -> None:
    with pytest.raises(TypeError, match="use `with measured"):

        @measured("rows")
        def rows() -> Iterator[int]:
            yield 1


def test_a_function_that_is_marked_as_a_coroutine_s_is_measured_to_its_end(store: object) -> None:
    """Before Python 3.12 ``inspect`` does not know ``sync_to_async`` for one."""

    @measured("thumbnail")
    @sync_to_async
    def thumbnail() -> None:
        sleep(0.02)

    async def page() -> None:
        with measured("page"):
            await charged(CACHE)(sync_to_async(sleep))(0.02)

    asyncio.run(thumbnail())
    asyncio.run(page())
    found = snapshot()["routes"]
    assert found["thumbnail"]["wall"]["sum"] > 0.019
    assert found["page"]["where"]["cache"] > 0.019


def test_a_timer_that_ends_in_another_context_is_forgotten(store: object) -> None:
    timing = timer("rows")
    contextvars.copy_context().run(timing.__enter__)
    timing.__exit__(None, None, None)
    assert snapshot()["timers"].get("rows", {"count": 0})["count"] == 0


def test_blocks_in_generators_end_in_their_own_order(store: object) -> None:
    def rows() -> Iterator[int]:
        with measured("rows"), timer("rows"):
            yield 1
            sleep(0.1)

    with measured("import"), timer("import"):
        sleep(0.1)
        begun = rows()
        next(begun)
    with measured("other"):
        pass
    list(begun)
    found = snapshot()
    assert {name: route["requests"] for name, route in found["routes"].items()} == {
        "import": 1,
        "other": 1,
    }
    assert all(found["timers"][name]["sum"] > 0.09 for name in ("rows", "import"))


def test_a_unit_that_a_generator_ends_inside_a_request_leaves_it_under_way(store: object) -> None:
    def rows() -> Iterator[int]:
        with measured("rows"):
            yield 1

    begun = rows()
    next(begun)
    request = start("request", "feed/")
    assert request is not None
    with active(request):
        list(begun)
        assert under_way() is request
    assert under_way() is None
    finish(request)


def test_a_unit_may_end_in_a_copy_of_the_context_it_was_begun_in(store: object) -> None:
    job = measured("job")
    job.__enter__()
    contextvars.copy_context().run(job.__exit__, None, None, None)
    with measured("other"):
        pass
    assert set(snapshot()["routes"]) == {"job", "other"}


def test_a_unit_may_end_in_another_thread_than_it_was_begun_in(store: object) -> None:
    """Whose CPU clock may be behind the first one's."""

    def work() -> None:
        until = thread_time() + 0.03
        while thread_time() < until:
            pass

    job, context = measured("job"), contextvars.copy_context()
    with ThreadPoolExecutor(1) as old, ThreadPoolExecutor(1) as new:
        old.submit(work).result()
        old.submit(context.run, job.__enter__).result()
        new.submit(context.run, job.__exit__, None, None, None).result()
    found = snapshot()["routes"]["job"]
    assert (found["requests"], found["cpu"]["sum"]) == (1, 0)


FROZEN = 1_893_456_000 * 10**9  # as freezegun sets each module's clock, 2030


@pytest.mark.parametrize("inside", ["begin", "end", "both", "between"])
def test_a_clock_that_is_frozen_on_the_way_breaks_nothing(
    store: object, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    def freeze() -> None:
        for module in (_record, _instruments):
            monkeypatch.setattr(module, "perf_counter_ns", lambda: FROZEN)

    job, whole = measured("job"), timer("whole")
    if inside in ("begin", "both"):
        freeze()
    job.__enter__()
    whole.__enter__()
    record = under_way()
    record.enter(CACHE)
    if inside == "between":
        freeze()
    record.leave(CACHE)
    record.enter(CACHE)
    if inside in ("begin", "between"):
        monkeypatch.undo()
    elif inside == "end":
        freeze()
    record.leave(CACHE)
    whole.__exit__(None, None, None)
    job.__exit__(None, None, None)
    monkeypatch.undo()
    assert record.wall
    assert not under_way()
    assert 0 <= sum(record.parts) <= record.wall < 10**9
    found = snapshot()
    assert found["routes"]["job"]["requests"] == 1
    assert found["routes"]["job"]["overlap"] < 1
    assert found["timers"]["whole"]["count"] == 1
    assert found["timers"]["whole"]["sum"] < 1


def test_a_unit_that_runs_for_hours_writes_at_once(store: object) -> None:
    with measured("consumer"):
        for n in range(1000):
            counter("messages").increment()
            gauge("last").set(n)
        seen = in_child(snapshot)
        assert seen["counters"] == {"messages": 1000}
        assert seen["gauges"] == {"last": 999}


def test_what_a_child_measures_inside_a_unit_is_its_own(store: object) -> None:
    def work(link: Link) -> None:
        for _ in range(5):
            with measured("piece"):
                pass

    with measured("whole"):
        in_child(lambda: work(None))  # type: ignore[arg-type]
    routes = snapshot()["routes"]
    assert (routes["piece"]["requests"], routes["whole"]["requests"]) == (5, 1)


def test_a_back_end_that_is_not_installed_stops_nobody(settings: Any) -> None:
    settings.CACHES = {"default": settings.CACHES["default"], "other": {"BACKEND": "no.such.Cache"}}
    cache_probe.install()


@pytest.mark.parametrize(
    ("backend", "shared"),
    [("db.DatabaseCache", True), ("redis.RedisCache", True), ("locmem.LocMemCache", False)],
)
def test_which_caches_hosts_share(backend: str, shared: bool, settings: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": f"django.core.cache.backends.{backend}",
            "LOCATION": "redis://127.0.0.1:1" if "redis" in backend else "table",
        }
    }
    assert shared_cache() is shared


def test_in_production_no_value_breaks_a_page(store: Any) -> None:
    with override(STORE=store, STRICT=False):
        counter("c").increment(1.5)  # type: ignore[arg-type]
        gauge("g").set("n/a")  # type: ignore[arg-type]
        gauge("g").set(10**400)
        timer("t").update(None)  # type: ignore[arg-type]
        assert snapshot()["counters"] == {}
    with override(STORE=store), pytest.raises(TypeError, match="takes numbers"):
        gauge("g").set("n/a")  # type: ignore[arg-type]
