"""What is counted of each cached thing: over all processes, cheaply, and nothing of anybody."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory

from tests.books.models import Author, Book
from tests.measure.children import in_child
from unhurried.cache import cached, cached_page, invalidate
from unhurried.cache._engine import _counts
from unhurried.cache._engine._compute import own_unit
from unhurried.cache._engine._entry import Entry
from unhurried.cache._engine._policy import Policy
from unhurried.measure._folding import drain_opened
from unhurried.measure.reading import KeptRow, kept, reader

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_counted(store):
    _counts.seen.clear()


def row(name: str) -> KeptRow:
    [found] = [each for each in kept() if each.name == name]
    return found


def counts(name: str) -> dict[str, int]:
    return {what: n for what, n in row(name).counts.items() if n}


@pytest.fixture
def titles():
    @cached(600, key=f"titles-{time.time_ns()}")
    def titles(*args):
        time.sleep(0.002)
        return [book.title for book in Book.objects.all()]

    return titles


def test_hits_and_what_they_save(titles):
    for _ in range(4):
        titles()
    assert counts(titles.name) == {"computed": 1, "fresh": 3}
    found = row(titles.name)
    assert 0.006 <= found.saved < 60
    assert found.bytes == len("[]")
    assert abs(found.stored - time.time()) < 60
    assert _counts.KINDS[found.kind] == "function"


@pytest.mark.parametrize("vary", [(), ("header:X-Kind",), (lambda request: "all",)])
def test_a_page_s_hits_save_the_time_that_its_making_took(vary):
    @cached_page(600, vary=vary)
    def slow(request):
        time.sleep(0.002)
        return HttpResponse("slow")

    for _ in range(3):
        with own_unit():
            slow(RequestFactory().get("/slow/"))
    assert counts(slow.name)["fresh"] == 2
    assert row(slow.name).saved >= 0.004


def test_it_says_what_it_depends_on(titles):
    titles()
    assert "default:books_book" in row(titles.name).ties


def test_a_key_that_holds_an_argument_is_no_tie(titles):
    titles("jacob")
    assert "jacob" not in (reader().folder / "names").read_text()


def test_why_it_was_not_stored(titles):
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        Author.objects.count()
        titles()
        cursor.execute("ROLLBACK")
    found = row(titles.name)
    assert found.counts["unstored"] == 1
    [reason] = found.reasons
    assert "transaction" in reason.text
    assert reason.count == 1


def test_a_failure_is_counted_once(titles):
    @cached(600, key=f"{titles.name}-fails")
    def fails():
        if fails.broken:
            raise ValueError("broken")

    fails.broken = False
    fails()
    invalidate(fails.name)
    fails.broken = True
    assert fails() is None
    assert counts(fails.name) == {"computed": 1, "failed": 1}


def test_it_adds_up_over_processes(titles):
    titles()
    drain_opened()

    def work():
        for _ in range(5):
            _counts.hit(titles.name, "fresh", 0.5)
        drain_opened()

    for _ in range(2):
        in_child(work)
    found = row(titles.name)
    assert found.counts["fresh"] == 10
    assert found.saved == pytest.approx(5.0)
    assert found.bytes == 2


def test_a_child_does_not_count_what_its_parent_has(titles):
    for _ in range(3):
        _counts.hit(titles.name, "fresh", 0.0)
    in_child(drain_opened)
    assert row(titles.name).counts["fresh"] == 3


def test_threads_lose_nothing():
    def work():
        for _ in range(5000):
            _counts.hit("threads", "fresh", 0.001)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = row("threads")
    assert found.counts["fresh"] == 20_000
    assert found.saved == pytest.approx(20.0)


def test_a_hit_writes_seldom(monkeypatch):
    written = []
    _counts.note("seldom", "fresh")
    monkeypatch.setattr(_counts, "write", lambda: written.append(1))
    monkeypatch.setattr(_counts, "_due", time.monotonic() + 60)
    for _ in range(1000):
        _counts.hit("seldom", "fresh", 0.1)
    assert not written
    monkeypatch.setattr(_counts, "_due", 0.0)
    _counts.hit("seldom", "fresh", 0.1)
    assert written == [1]


def test_reasons_are_bounded():
    for i in range(100):
        _counts.refused("greedy", "unstored", f"reason {i}")
    found = row("greedy")
    assert len(found.reasons) == _counts.MOST_REASONS + 1
    assert sum(reason.count for reason in found.reasons) == 100
    _counts.refused("modest", "unstored", "x" * 1000)
    assert row("modest").reasons[0].text == "x" * _counts.LABEL


def test_ties_are_bounded():
    policy = Policy("wide", 1, 1)
    tokens = {f"default:t{i}": 1 for i in range(100)}
    _counts.stored(policy, Entry(0, 1, 1, 0, {"embedded": ("w", tokens)}))
    assert len(row("wide").ties) == _counts.MOST_TIES + 1


def test_names_are_bounded():
    for i in range(_counts.MOST + 50):
        _counts.note(f"thing {i}", "fresh")
    assert sum(each.counts["fresh"] for each in kept()) == _counts.MOST + 50
    assert len(_counts.seen) == _counts.MOST + 1


def test_the_latest_entry_is_the_one_told_of(titles):
    policy = Policy("latest", 1, 1)
    for size in (10, 3):
        _counts.stored(policy, Entry(0, 1, 1, 0, {}, {}, (b"x" * size,)))
    assert row("latest").bytes == 3


def test_with_measuring_off_nothing_happens(settings):
    settings.UNHURRIED = {**settings.UNHURRIED, "MEASURE": False}
    _counts.note("off", "fresh")
    _counts.refused("off", "unstored", "it is so")
    _counts.write()
