"""What a stranger found: threads in each other's way, and what an error leaves behind."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.cache.backends.locmem import LocMemCache
from django.test import Client
from django.test.utils import override_settings

from tests.measure import test_store
from tests.measure.children import child
from unhurried.measure import _errors, _files, _sampler, _store, _tables, counter, timer
from unhurried.measure import _layout as L
from unhurried.measure._locks import locked
from unhurried.measure._read import Reader
from unhurried.measure._record import CACHE, DB, HTTP, TEMPLATE, SampledRecord
from unhurried.measure._snapshot import reader, snapshot
from unhurried.measure._statements import note
from unhurried.measure._units import finish, start
from unhurried.measure.sinks import _statsd_lines, graphite, statsd
from unhurried.queries._live import _production, _waterfall
from unhurried.testing import override


@pytest.fixture
def store(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """As in production, and nothing has been said yet."""
    monkeypatch.setattr(_errors, "_said", set())
    with override(STORE=store, STRICT=False):
        yield store


@contextmanager
def turns_of(seconds: float) -> Iterator[None]:
    """Of threads that have begun: coverage can't follow those that begin in such a hurry."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def together(*works: Callable[[], Any], turns: float = 0.005) -> list[Exception]:
    """Run each in a thread of its own, by turns of so many seconds; what they raise."""
    errors: list[Exception] = []
    ready = threading.Barrier(len(works) + 1)

    def run(work: Callable[[], Any]) -> None:
        ready.wait(30)
        ready.wait(30)
        try:
            work()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    ready.wait(30)
    with turns_of(turns):
        ready.wait(30)
        for thread in threads:
            thread.join()
    return errors


def opened() -> _store.Store:
    found = _store.current()
    assert found is not None
    return found


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_two_who_read_names_at_once(store: Path) -> None:
    with opened().lock:
        for n in range(100):
            fields = ("request", "r/", "default", f"SELECT {n} FROM t")
            _, lanes = opened().row("statement", fields)
            lanes[0] = lanes[1] = n + 1
    known = reader()
    assert known is not None
    for _ in range(20):
        source = Reader(known.folder)
        source.refresh()
        read = [lambda source=source: _tables.statements(source)] * 2
        assert together(*read, turns=1e-5) == []
        assert len(source.fields["statement"]) == len(source.names.order["statement"])


def test_threads_that_share_a_record(store: Path) -> None:
    """As ``sync_to_async(thread_sensitive=False)`` under ``gather`` does."""
    record, until = start("unit", "x", sample=False), time.monotonic() + 1
    assert record is not None

    def work(part: int) -> None:
        while time.monotonic() < until:
            record.enter(part)
            record.leave(part)

    parts = (DB, CACHE, HTTP, TEMPLATE) * 2
    assert together(*[lambda part=part: work(part) for part in parts], turns=1e-6) == []
    assert record.stack == [0]


def test_a_store_that_can_not_be_opened_keeps_no_slot(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = store / f"v{L.VERSION}"
    folder.mkdir(parents=True, mode=0o700)
    store.chmod(0o700)
    (folder / "client.key").mkdir()
    before = descriptors()
    for _ in range(4):
        monkeypatch.setattr(_store, "_retry_at", 0.0)  # half a minute later
        assert _store.current() is None
    assert descriptors() == before
    (folder / "client.key").rmdir()
    monkeypatch.setattr(_store, "_retry_at", 0.0)
    counter("x").increment()
    assert snapshot()["workers"] == 1


def test_a_slot_that_finds_no_room_keeps_no_descriptor(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timer("t").update(1)
    _store.forget()

    def full(fd: int, begin: int, size: int) -> None:
        if begin >= L.BASE_BYTES:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("unhurried.measure._slot.reserve", full)
    before = descriptors()
    for _ in range(5):
        monkeypatch.setattr(_store, "_retry_at", 0.0)
        assert _store.current() is None
    assert descriptors() == before


def test_a_lock_that_is_held_for_ever_delays_no_page_by_all_before_it(
    store: Path,
) -> None:
    def hold(link: Any) -> None:
        with locked(store / f"v{L.VERSION}"):
            link.tell("held")
            link.hear()

    waits: list[float] = []

    def visit(n: int) -> None:
        began = time.monotonic()
        assert Client().get(f"/many/{n}/").status_code == 200
        waits.append(time.monotonic() - began)

    with override_settings(ROOT_URLCONF=test_store.__name__):
        Client().get("/many/100/")
        with child(hold) as forked:
            forked.link.hear()
            assert together(*[lambda n=n: visit(n) for n in range(8)]) == []
    assert max(waits) < 5  # each for itself: 8 and more


class Resets(LocMemCache):
    resets = True

    def close(self, **_: Any) -> None:
        if self.resets:
            raise ConnectionResetError("gone")


def test_a_cache_that_can_not_be_closed_does_not_end_the_sampler(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def look(*_: Any, **__: Any) -> None:
        from django.core.cache import cache

        cache.get("x")
        looked.append("once more")

    turns = iter([True, True, False])
    monkeypatch.setattr(_sampler, "_is_current", lambda folder: next(turns))
    monkeypatch.setattr(_sampler, "_sample", look)
    monkeypatch.setattr(_sampler, "_remember", look)
    monkeypatch.setattr(_sampler, "PERIOD", 0.0)
    monkeypatch.setattr(_sampler.time, "sleep", lambda _: None)
    fd = os.open(store.parent, os.O_RDONLY)
    monkeypatch.setattr(_sampler, "_lock_fd", fd)
    with override_settings(CACHES={"default": {"BACKEND": f"{__name__}.Resets"}}):
        _sampler._work(store, fd)
        monkeypatch.setattr(Resets, "resets", False)
    assert len(looked) == 3


@pytest.mark.parametrize("host", ["a..b", f"{'x' * 70}.example"])
def test_what_is_for_a_host_that_none_can_be_called_is_counted(host: str) -> None:
    sender = statsd.StatsD(statsd.Options(host=host))
    for n in range(5):
        sender.buffer.append(_statsd_lines.Change("counter", "n", n))
    sender.deliver()
    assert len(sender.buffer) + sender.lost == 5
    sender.stop()
    carbon = graphite.Graphite(graphite.Options(host=host))
    carbon.buffer.append(graphite.Reading(b"a 1 1\n", 1))
    carbon.deliver()
    assert carbon.left() + carbon.lost == 1
    carbon.stop()


def test_two_threads_that_draw_one_route(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(statements: int) -> SampledRecord:
        record = SampledRecord("request", "r/", opened())
        for n in range(statements):
            note(record, "default", f"SELECT a{n} FROM t", record.start, 1000)
        record.close()
        return record

    both, dump = threading.Barrier(2), json.dump

    def slowly(*args: Any, **kwargs: Any) -> None:
        both.wait(30)
        dump(*args, **kwargs)
        args[1].flush()
        both.wait(30)

    monkeypatch.setattr(_files.json, "dump", slowly)
    records = [made(3), made(60)]
    assert together(*[lambda each=each: _waterfall._write(each) for each in records]) == []
    known = reader()
    assert known is not None
    assert _waterfall.load(known, "request", "r/") is not None


def test_what_a_unit_has_left_behind_costs_no_others_statements(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unit(n: int) -> Any:
        record: Any = start("request", f"r{n}/", sample=False)
        for letter in "ab":
            note(record, "default", f"SELECT {letter * (n + 1)} FROM t", record.start, 1000)
        return record

    finish(unit(9))  # the first is folded at once
    records = [unit(n) for n in range(4)]
    for record in records:
        finish(record)
    real = _production.fingerprint

    def fingerprint(sql: str, vendor: str) -> str:
        monkeypatch.setattr(_production, "fingerprint", real)
        late = ("default", "SELECT late FROM t", records[0].start, 1000)
        together(lambda: note(records[0], *late))
        return real(sql, vendor)

    monkeypatch.setattr(_production, "fingerprint", fingerprint)
    found = {each["route"] for each in snapshot()["statements"]}
    assert found >= {f"r{n}/" for n in range(4)}
