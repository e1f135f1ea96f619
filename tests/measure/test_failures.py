"""A store that is missing, closed, foreign, damaged or stuck: the site serves, one warning says so.

A full or read-only disk needs a mount of its own: see tests/services/test_disk_full.py.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.core.checks import Error, run_checks
from django.test import Client

from tests.measure.children import PATIENCE, Link, child, in_child
from unhurried.measure import (
    StoreError,
    _errors,
    _history,
    _store,
    counter,
    histogram,
    snapshot,
    timer,
)
from unhurried.measure import _layout as L
from unhurried.measure._locks import locked
from unhurried.measure._names import Names
from unhurried.testing import override

Damage = Callable[[Path], object]
OWN = f"v{L.VERSION}"


@pytest.fixture
def warnings(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[list[str]]:
    """What was logged, by a process that has said nothing yet. Production: not STRICT.

    But not by the sampler: it goes on beside the tests, and speaks of stores that are being left.
    """
    monkeypatch.setattr(_errors, "_said", set())
    caplog.set_level(logging.INFO, "unhurried")
    said: list[str] = []
    handler = logging.Handler()

    def emit(record: logging.LogRecord) -> None:
        if record.threadName != "unhurried-sampler":
            said.append(record.getMessage())

    handler.emit = emit  # type: ignore[method-assign]
    logging.getLogger("unhurried").addHandler(handler)
    yield said
    logging.getLogger("unhurried").removeHandler(handler)


def visit() -> None:
    """The site, as its visitors see it, with an instrument of its own inside and outside."""
    assert Client().get("/count/").status_code == 200
    assert Client().get("/empty/").content == b"empty"
    counter("outside").increment()
    histogram("outside").update(1)


def complaints() -> list[Error]:
    found = run_checks(tags=["unhurried"])
    assert all(error.hint for error in found)
    return [e for e in found if e.id.startswith("unhurried.E10")]


def below_a_file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "store"


def a_file(tmp_path: Path) -> Path:
    (tmp_path / "store").write_text("mine")
    return tmp_path / "store"


def a_link(tmp_path: Path) -> Path:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "store").symlink_to(tmp_path / "real")
    return tmp_path / "store"


def a_dangling_link(tmp_path: Path) -> Path:
    (tmp_path / "store").symlink_to(tmp_path / "nowhere")
    return tmp_path / "store"


def open_to_others(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    (tmp_path / "store").chmod(0o755)
    return tmp_path / "store"


def with_a_file_for_the_version(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir(mode=0o700)
    (tmp_path / "store" / OWN).write_text("")
    return tmp_path / "store"


def with_a_null(tmp_path: Path) -> Path:
    return tmp_path / "sto\0re"


@pytest.mark.parametrize(
    ("make", "check", "way_out"),
    [
        (below_a_file, "unhurried.E102", "another folder"),
        (a_file, "unhurried.E101", "Remove it"),
        (a_link, "unhurried.E101", "Remove it"),
        (a_dangling_link, "unhurried.E101", "Remove it"),
        (open_to_others, "unhurried.E101", "chmod 700"),
        (with_a_file_for_the_version, "unhurried.E101", "Remove it"),
        (with_a_null, "unhurried.E102", "another folder"),
    ],
)
def test_a_folder_that_cannot_be_used(
    tmp_path: Path, warnings: list[str], make: Callable[[Path], Path], check: str, way_out: str
) -> None:
    folder = make(tmp_path)
    before = sorted(os.walk(tmp_path))
    with override(STORE=folder, STRICT=False):
        for _ in range(3):
            visit()
        [said] = [w for w in warnings if "Measuring is off" in w]
        [complaint] = complaints()
    assert (complaint.id, way_out in complaint.hint) == (check, True)
    assert complaint.msg in said
    assert sorted(os.walk(tmp_path)) == before


def test_a_folder_of_another_user(
    tmp_path: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = os.geteuid()
    (tmp_path / "store").mkdir(mode=0o700)
    monkeypatch.setattr(_store.os, "geteuid", lambda: uid + 1)
    with override(STORE=tmp_path / "store", STRICT=False):
        for _ in range(3):
            visit()
        [complaint] = complaints()
    assert complaint.id == "unhurried.E101"
    assert f"belongs to user {uid}, not to us ({uid + 1})" in complaint.msg
    assert [complaint.msg in said for said in warnings] == [True]
    assert not list((tmp_path / "store").iterdir())


def test_a_folder_made_by_us_is_closed_to_others(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        with override(STORE=tmp_path / "a" / "store"):
            visit()
            assert complaints() == []
            _history.History(tmp_path / "a" / "store" / OWN).sample(time.time())
    finally:
        os.umask(umask)
    made = [tmp_path / "a" / "store", *(tmp_path / "a" / "store").rglob("*")]
    assert len(made) > 4
    assert [p for p in made if p.lstat().st_mode & 0o077] == []


# Damage: made to a store that was in use a moment ago, and will be again


def header(store: Path, word: int, value: int) -> None:
    with (store / "slot-0").open("r+b") as file:
        file.seek(word * L.WORD)
        file.write(value.to_bytes(L.WORD, "little"))


def corrupt_directory(store: Path) -> None:
    header(store, L.H_DIRECTORY, 999 << 16)


def endless_directory(store: Path) -> None:
    header(store, L.H_CHUNKS, 1 << 60)


def directory_of_the_same(store: Path) -> None:
    header(store, L.H_CHUNKS, 2)
    header(store, L.H_DIRECTORY + 1, L.GROUPS["route"].chunk << 16)
    header(store, L.H_DIRECTORY, L.GROUPS["route"].chunk << 16)


def chunk_of_nothing(store: Path) -> None:
    header(store, L.H_DIRECTORY, L.GROUPS["counter"].chunk << 16)


def slot_of_another_store(store: Path) -> None:
    header(store, L.H_NAMES, 4711)


def text_for_a_slot(store: Path) -> None:
    (store / "slot-0").write_text("my notes\n" * 100_000)


def slot_cut_short(store: Path) -> None:
    os.truncate(store / "slot-0", 1000)


@pytest.mark.parametrize(
    "damage",
    [
        corrupt_directory,
        endless_directory,
        directory_of_the_same,
        chunk_of_nothing,
        slot_of_another_store,
        text_for_a_slot,
        slot_cut_short,
    ],
)
def test_a_slot_that_is_not_ours_is_left_alone(
    store: Path, warnings: list[str], damage: Damage
) -> None:
    in_child(visit)
    damage(store / OWN)
    before = (store / OWN / "slot-0").read_bytes()
    with override(STORE=store, STRICT=False):
        for _ in range(3):
            visit()
        assert snapshot()["counters"] == {"orders": 3, "outside": 3}
        assert snapshot()["routes"]["empty/"]["requests"] == 3
        [complaint] = complaints()
    assert complaint.id == "unhurried.E102"
    assert complaint.hint == f"Remove {store}/{OWN}/slot-0."
    of_this_store = [said for said in warnings if str(store) in said]  # an earlier test's may stop
    assert [str(store / OWN / "slot-0") in said for said in of_this_store] == [True]
    assert (store / OWN / "slot-0").read_bytes() == before


def slot_x(store: Path) -> None:
    (store / "slot-x").write_text("")


def slot_backup(store: Path) -> None:
    shutil.copy(store / "slot-0", store / "slot-0.bak")
    shutil.copy(store / "slot-0", store / "slot-00")
    shutil.copy(store / "slot-0", store / "slot-²")


def slot_without_its_chunks(store: Path) -> None:
    os.truncate(store / "slot-0", L.BASE_BYTES)


@pytest.mark.parametrize("damage", [slot_x, slot_backup, slot_without_its_chunks])
def test_harmless_strangers(store: Path, warnings: list[str], damage: Damage) -> None:
    in_child(visit)
    damage(store / OWN)
    with override(STORE=store, STRICT=False):
        assert snapshot()["counters"] == {"orders": 1, "outside": 1}
        visit()
        assert snapshot()["counters"] == {"orders": 2, "outside": 2}
        assert snapshot()["routes"]["empty/"]["requests"] == 2
        assert complaints() == []
    assert warnings == []


def names_flipped(store: Path) -> None:
    data = (store / "names").read_bytes()
    (store / "names").write_bytes(data.replace(b"count/", b"cOunt/"))


def names_zeroed(store: Path) -> None:
    (store / "names").write_bytes(bytes(4096))


def names_of_somebody(store: Path) -> None:
    (store / "names").write_text("deadbeef\n")


def names_a_folder(store: Path) -> None:
    (store / "names").unlink()
    (store / "names").mkdir()


def slot_a_folder(store: Path) -> None:
    (store / "slot-0").unlink()
    (store / "slot-0").mkdir()


def lock_a_folder(store: Path) -> None:
    (store / "lock").unlink()
    (store / "lock").mkdir()


@pytest.mark.parametrize(
    "damage",
    [names_flipped, names_zeroed, names_of_somebody, names_a_folder, slot_a_folder, lock_a_folder],
)
def test_a_store_beyond_repair_turns_measuring_off(
    store: Path, warnings: list[str], damage: Damage
) -> None:
    in_child(visit)
    damage(store / OWN)
    with override(STORE=store, STRICT=False):
        for _ in range(3):
            visit()
        [complaint] = complaints()
        failure = _store.failure()
    assert complaint.id == "unhurried.E102"
    assert str(store / OWN) in complaint.msg
    assert [said.startswith("Measuring is off") for said in warnings] == [True]
    assert failure is not None


def test_a_history_that_is_none(store: Path, warnings: list[str]) -> None:
    visit()
    path = store / OWN / "history.sqlite"
    path.write_bytes(b"garbage " * 1000)
    history = _history.History(store / OWN)
    for now in (1000.0, 1010.0, 1020.0):
        visit()
        history.sample(now)
    assert [str(path) in said and "remove it" in said for said in warnings] == [True]
    with pytest.raises(StoreError) as raised:
        _history.series(store / OWN, "hour")
    assert raised.value.hint == f"Remove {path}."
    [complaint] = complaints()
    assert complaint.hint == f"Remove {path}."


def test_a_history_cut_short(store: Path) -> None:
    visit()
    history = _history.History(store / OWN)
    history.sample(time.time() - 20)
    visit()
    history.sample(time.time() - 10)
    path = store / OWN / "history.sqlite"
    whole = path.read_bytes()
    for length in range(0, len(whole), 512):
        path.write_bytes(whole[:length])
        with suppress(StoreError):  # and nothing else
            _history.series(store / OWN, "hour")


# Under a running process


def remove(folder: Path) -> None:
    """As rm -rf, which history may be writing into meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while folder.exists():
        assert time.monotonic() < deadline
        shutil.rmtree(folder, ignore_errors=True)


def ten_seconds_pass() -> None:
    assert _store.opened is not None
    _store.opened.due = 0


def test_a_store_that_is_removed_comes_back(store: Path, warnings: list[str]) -> None:
    """rm -rf under a process: it counts for nobody until it looks, at the next election."""
    visit()
    remove(store)
    visit()
    assert not store.exists()
    assert snapshot()["routes"] == {}
    ten_seconds_pass()
    for _ in range(3):
        visit()
    assert snapshot()["routes"]["empty/"]["requests"] >= 2
    assert snapshot()["counters"]["outside"] == 3
    assert snapshot()["workers"] == 1
    assert [str(store) in said and "anew" in said for said in warnings] == [True]


def test_a_slot_that_is_removed_comes_back(store: Path, warnings: list[str]) -> None:
    visit()
    assert snapshot()["counters"]["outside"] == 1
    (store / OWN / "slot-0").unlink()
    ten_seconds_pass()
    visit()
    visit()
    assert snapshot()["counters"]["outside"] == 2
    assert snapshot()["workers"] == 1
    assert len(warnings) == 1


def test_a_store_that_is_removed_is_noticed_by_the_next_new_name(
    store: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    visit()
    remove(store)
    with override(STORE=store, STRICT=False):
        remove(store)
        visit()
    assert snapshot()["counters"] == {"orders": 1, "outside": 1}


def test_names_replaced_under_a_process_turn_measuring_off_for_a_while(
    store: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with override(STORE=store, STRICT=False):
        visit()
        (store / OWN / "names").unlink()
        Names(store / OWN).row("counter", "of the new list")
        before = (store / OWN / "names").read_bytes()
        assert Client().get("/status/204/").status_code == 204  # a new name
        visit()
        assert (store / OWN / "names").read_bytes() == before
        assert [said.startswith("Measuring is off") for said in warnings] == [True]
        monkeypatch.setattr(_store, "_retry_at", 0.0)  # half a minute later
        visit()
        assert snapshot()["counters"] == {"of the new list": 0, "orders": 1, "outside": 1}
        [complaint] = complaints()
        assert complaint.hint == f"Remove {store}/{OWN}/slot-0."


def test_a_lock_held_for_ever_delays_once(
    store: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder was stopped by a debugger. The delay is bounded by PATIENCE, here half."""
    waits: list[float] = []

    def hold(link: Link) -> None:
        with locked(store / OWN):
            link.tell("held")
            link.hear()

    monkeypatch.setattr("unhurried.measure._locks.PATIENCE", 0.5)
    with override(STORE=store, STRICT=False):
        visit()
        with child(hold) as forked:
            forked.link.hear()
            os.kill(forked.pid, signal.SIGSTOP)
            visit()  # what is known needs no lock
            assert warnings == []
            for _ in range(5):
                began = time.monotonic()
                assert Client().get("/status/200/").status_code == 200
                waits.append(time.monotonic() - began)
            assert [wait > 0.5 for wait in waits] == [True, False, False, False, False]
            assert waits[0] < 4
            with pytest.raises(StoreError, match="has been held") as raised:
                snapshot()
            assert f"fuser {store}/{OWN}/lock" in raised.value.hint
            assert len(warnings) == 1
            [complaint] = complaints()
            assert "fuser" in complaint.hint
        monkeypatch.setattr(_store, "_retry_at", 0.0)
        visit()
        assert snapshot()["counters"]["outside"] == 3


def test_no_room_for_one_more_chunk(
    store: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when a new route needs its buckets: what is known goes on afterwards."""

    def full(fd: int, start: int, size: int) -> None:
        if start >= L.BASE_BYTES and start + size > os.fstat(fd).st_size:
            raise OSError(28, "No space left on device")

    with override(STORE=store, STRICT=False):
        visit()
        monkeypatch.setattr("unhurried.measure._slot.reserve", full)
        timers = [f"timer {n}" for n in range(3)]
        for name in timers:
            timer(name).update(1)
            visit()
        assert len(warnings) == 1
        assert "No space left" in warnings[0]
        monkeypatch.setattr(_store, "_retry_at", 0.0)
        visit()
        assert snapshot()["counters"]["outside"] == 2
        assert snapshot()["timers"] == {
            "timer 0": {"count": 0, "sum": 0, "p50": 0, "p95": 0, "p99": 0, "max": 0}
        }


def test_leaving_the_store_while_others_make_it_grow(store: Path) -> None:
    """A descriptor that is closed and opened anew elsewhere must not be written to."""
    stop, errors = threading.Event(), []

    def work(who: int) -> None:
        try:
            n = 0
            while not stop.is_set():
                histogram(f"{who} {n % 60}").update(1)
                n += 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        _store.forget()
        with open(os.devnull, "rb"):
            pass
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []


MEASURING = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django; django.setup()
from django.conf import settings
settings.UNHURRIED = {"STORE": sys.argv[1]}
from django.test import Client
print(Client().get("/empty/").status_code)
os.rename(sys.argv[1], sys.argv[1] + ".gone")
"""


def ended(script: str, store: Path) -> subprocess.CompletedProcess[str]:
    """The script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", script, store],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_exit_is_quick_and_quiet_whatever_became_of_the_store(store: Path) -> None:
    """The sampler's thread must not keep, or trouble, a process that ends."""
    done = ended(MEASURING, store)
    assert (done.returncode, done.stdout) == (0, "200\n")
    assert len(done.stderr.splitlines()) <= 1  # whether the sampler has noticed is a matter of luck
    assert "Error" not in done.stderr.replace("StoreError", "")


READING_AT_EXIT = """
import atexit, sys
atexit.register(lambda: print(snapshot()["workers"]))  # the first to be registered runs last
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django; django.setup()
from django.conf import settings
settings.UNHURRIED = {"STORE": sys.argv[1]}
from django.test import Client
from unhurried.measure import snapshot
print(Client().get("/empty/").status_code, snapshot()["workers"])
"""


def test_who_reads_when_a_process_ends_finds_the_files_open(store: Path) -> None:
    """As the sampler's thread may: what weak references leave to the end must not be its files."""
    done = ended(READING_AT_EXIT, store)
    assert (done.returncode, done.stdout, done.stderr) == (0, "200 1\n1\n", "")


def test_of_a_full_disk_only_the_first_file_is_told(warnings: list[str]) -> None:
    full, gone = OSError(errno.ENOSPC, "full"), OSError(errno.ENOENT, "gone")
    for what in ("history", "promises"):
        _errors.not_kept(what, full)
        _errors.not_kept(what, gone)
    assert warnings == [
        "history: [Errno 28] full",
        "history: [Errno 2] gone",
        "promises: [Errno 2] gone",
    ]


def test_when_measuring_is_off_for_its_disk_nothing_else_is_told_of_it(
    store: Path, warnings: list[str]
) -> None:
    _store.fail(OSError(errno.EROFS, "read-only"))
    _errors.not_kept("history", OSError(errno.EROFS, "read-only"))
    assert len(warnings) == 1
    assert "Measuring is off" in warnings[0]
