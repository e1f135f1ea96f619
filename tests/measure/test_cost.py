"""The package meters itself, says what it costs, and sheds its dearest work when over budget."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import get_ident
from typing import Any

import pytest
from django.template import engines
from django.test import Client

from unhurried.measure import _cost, _record, _store, measured, snapshot
from unhurried.measure._cost import Cost
from unhurried.measure._record import CACHE, DB, SampledRecord, current
from unhurried.measure._units import start

Route = Callable[[str], dict[str, Any]]
NS = 1_000_000_000


@pytest.fixture
def every_one(store: object) -> Cost:
    """Each unit of work is sampled."""
    opened = _store.current()
    assert opened is not None
    opened.cost.sample_every = 1
    return opened.cost


def judge(cost: Cost, own: int, wall: int) -> None:
    for _ in range(_cost.WINDOW):
        cost.judge(own, wall)


def test_a_sampled_request_is_weighed(client: Client, every_one: Cost, route: Route) -> None:
    for _ in range(5):
        client.get("/empty/")
    assert route("empty/")["cost"] > 0


def test_cpu_is_split_by_part_on_samples(
    client: Client, every_one: Cost, route: Route, db: None
) -> None:
    client.get("/nested/")
    shares = route("nested/")["cpu_by_part"]
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["view"] > 0
    assert shares["template"] > 0


def test_cpu_of_threads_that_share_a_sampled_unit_never_falls(
    every_one: Cost, route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each thread has a CPU clock of its own: the difference of two says nothing."""
    old, new = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
    clocks = {old.submit(get_ident).result(): 5 * NS, new.submit(get_ident).result(): 0}
    monkeypatch.setattr(_record, "thread_time_ns", lambda: clocks.get(get_ident(), NS))

    with measured("job"):
        record = current.get()
        assert isinstance(record, SampledRecord)
        old.submit(record.enter, DB).result()
        new.submit(record.enter, CACHE).result()
        old.submit(record.leave, DB).result()
        new.submit(record.leave, CACHE).result()
        assert record.cpu_parts == [0, 0, 0, 0, 0]
        record.cpu_parts[DB] = -NS  # a thread was given the number of one that has ended
    assert sum(route("job")["cpu_by_part"].values()) in (0, pytest.approx(1))
    old.shutdown()
    new.shutdown()


def test_over_budget_it_sheds_and_below_half_it_takes_up_again() -> None:
    cost = Cost()
    judge(cost, own=26, wall=100)
    assert cost.shedding
    assert cost.sample_every == _cost.SAMPLE_EVERY**2
    judge(cost, own=14, wall=100)
    assert cost.shedding, "below the limit but not below half of it"
    judge(cost, own=12, wall=100)
    assert not cost.shedding
    assert cost.sample_every == _cost.SAMPLE_EVERY


def test_what_is_shed_is_no_longer_measured(every_one: Cost) -> None:
    template = engines["django"].from_string("{% for i in x %}{{ i }}{% endfor %}")
    for shedding in (False, True):
        every_one.shedding = shedding
        with measured(f"shedding {shedding}"):
            template.render({"x": range(2000)})
    routes = snapshot()["routes"]
    assert routes["shedding False"]["where"]["template"] > 0
    assert routes["shedding True"]["where"]["template"] == 0
    assert routes["shedding True"]["where"]["view"] > 0


def test_one_unit_in_sixteen_is_sampled(store: object) -> None:
    kinds = [type(start("unit", "x")) for _ in range(64)]
    assert kinds.count(SampledRecord) == 4
