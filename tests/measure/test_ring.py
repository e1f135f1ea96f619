"""Finished units wait in a ring for their rows: they count from the first moment, and once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from unhurried.measure import _layout as L
from unhurried.measure import _store, _units, measured, snapshot
from unhurried.measure._folding import PATIENT, folds
from unhurried.measure._record import Record
from unhurried.measure._ring import DONE, TARGET, fold, waiting
from unhurried.measure._rows import Route
from unhurried.measure._store import Store

pytestmark = pytest.mark.django_db


@pytest.fixture
def opened(store: object) -> Store:
    found = _store.current()
    assert found is not None
    return found


def unit(name: str = "unit", times: int = 1) -> None:
    for _ in range(times):
        with measured(name):
            pass


def requests(name: str = "unit") -> dict[str, Any]:
    return snapshot()["routes"][name]


@pytest.mark.parametrize("times", [1, 15, 16, 17, 40])
def test_what_waits_is_read_like_what_has_come(times: int, opened: Store) -> None:
    unit(times=times)
    found = requests()
    assert len(waiting(opened.words)) == times % L.RING
    assert found["requests"] == found["wall"]["count"] == times
    assert found["in_flight"] == 0
    assert 0 < found["wall"]["p50"] <= found["wall"]["max"] <= found["wall"]["sum"]


def test_a_request_is_whole_while_it_waits(client: Client, route: Callable[..., Any]) -> None:
    client.get("/queries/3/")
    client.get("/status/503/")
    found, failed = route("queries/<int:n>/"), route("status/<int:code>/")
    assert found["queries"] == {"count": 1, "sum": 3, "p50": 3, "p95": 3, "p99": 3, "max": 3}
    assert found["statuses"] == {"200": 1}
    assert found["bytes"] > 0
    assert found["where"]["db"] == found["db"]["sum"] > 0
    assert (failed["errors"], failed["exceptions"], failed["in_flight"]) == (1, 0, 0)


def test_reading_twice_counts_once(opened: Store) -> None:
    unit(times=5)
    assert requests() == requests()
    unit(times=L.RING)
    assert requests()["requests"] == L.RING + 5


@pytest.mark.parametrize("when", ["adding", "marking", "counting", "saying so"])
def test_a_death_in_the_middle_of_folding_counts_each_once(when: str, opened: Store) -> None:
    """What a reader and the next holder of the slot make of each half-done state."""
    unit("a", 4)
    unit("b", 3)
    words = opened.words
    before = waiting(words)
    rows: dict[int, Any] = {}
    for number, row in opened.opened.items():
        rows[number] = Route(number, row.lanes, row.fine)
    stop = {"adding": 1, "marking": 2, "counting": 3, "saying so": 4}[when]
    _half(words, rows, stop)
    assert {name: requests(name)["requests"] for name in "ab"} == {"a": 4, "b": 3}
    fold(words, rows)
    assert waiting(words) == []
    assert {name: requests(name)["requests"] for name in "ab"} == {"a": 4, "b": 3}
    assert len(before) == 7


def _half(words: Any, rows: dict[int, Any], stop: int) -> None:
    """``fold`` as far as ``stop``, in its own order."""
    entries = waiting(words)
    targets = {n: rows[n].lanes[DONE] + sum(e[0] == n for e in entries) for n in rows}
    for number in list(targets):
        rows[number].add([e for e in entries if e[0] == number])
        if stop == 1:
            return
    for i in range(words[L.H_FOLDED], words[L.H_WRITTEN]):
        at = L.H_RING + i % L.RING * L.RING_ENTRY
        words[at + TARGET] = targets[words[at]]
    if stop == 2:
        return
    for number, target in targets.items():
        rows[number].lanes[DONE] = target
        if stop == 3:
            return


def test_who_dies_leaves_its_ring_to_the_next(opened: Store) -> None:
    folder = opened.folder.parent
    _store.forget()
    child = os.fork()
    if child == 0:
        unit(times=9)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert requests()["requests"] == 9
    unit(times=3)  # takes over the slot
    found = _store.current()
    assert found is not None
    assert found.folder.parent == folder
    assert [path.name for path in found.folder.glob("slot-*")] == ["slot-0"]
    assert requests()["requests"] == 12
    assert requests()["in_flight"] == 0


def test_a_unit_within_the_writing_of_another_is_written_past_the_ring(opened: Store) -> None:
    """As a signal handler does, or a __del__."""
    opened.busy = True
    unit(times=2)
    opened.busy = False
    unit()
    assert len(waiting(opened.words)) == 1
    assert requests()["requests"] == 3


def test_rubbish_in_a_ring_is_left_alone(opened: Store) -> None:
    unit()
    opened.words[L.H_RING] = L.ROWS + 7
    assert waiting(opened.words) == []
    opened.words[L.H_FOLDED] = opened.words[L.H_WRITTEN] + 1
    assert waiting(opened.words) == []
    fold(opened.words, opened.opened)


def test_rooms_above_fold_in_batches_and_before_a_reading(client: Client, opened: Store) -> None:
    folded: list[Record] = []
    subscriber = folds(folded.append)
    others, _units.finished[:] = _units.finished[:], [subscriber]
    try:
        client.get("/queries/1/")  # the first after a while does not wait
        assert len(folded) == 1
        for _ in range(PATIENT - 1):
            client.get("/queries/1/")
        assert len(folded) == 1
        snapshot()
        assert len(folded) == PATIENT
        opened.asked_until = 0
        client.get("/queries/1/")
        assert len(folded) == PATIENT + 1
        client.get("/empty/")
        assert len(folded) == PATIENT + 1, "nothing was asked"
    finally:
        _units.finished[:] = others
