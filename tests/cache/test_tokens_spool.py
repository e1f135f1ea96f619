"""A failed renewal never just fails open: it is remembered, and tried until it works."""

from __future__ import annotations

import json
import os
import time

import pytest

from tests.measure.children import child, in_child
from unhurried.cache._errors import CacheError, Unavailable
from unhurried.cache._tokens import _spool
from unhurried.cache._tokens._spool import Spool
from unhurried.measure import _folder
from unhurried.measure.reading import locked


class Flaky:
    """A home that can be reached or not; what was renewed there is kept in a file for children."""

    name = "flaky"

    def __init__(self, log):
        self.log, self.up = log, False

    def renew(self, tags, deadline):
        if not self.up:
            raise Unavailable("down")
        with self.log.open("a") as file:
            file.writelines(f"{tag}\n" for tag in tags)

    @property
    def renewed(self):
        return self.log.read_text().split() if self.log.exists() else []


@pytest.fixture
def home(tmp_path, monkeypatch):
    flaky = Flaky(tmp_path / "renewed")
    monkeypatch.setattr(_spool, "home_named", lambda name: flaky if name == "flaky" else None)
    return flaky


@pytest.fixture
def spool(store, home, monkeypatch):
    """The pages try; the thread has its own test."""
    monkeypatch.setattr(Spool, "_begin", lambda self: None)
    return Spool()


@pytest.fixture
def path(store):
    return _folder.versioned(store) / "renewals"


def at_once(spool):
    spool._try_at = spool._glance_at = 0.0
    return spool


def test_while_nothing_failed_nothing_pends_and_nothing_is_written(spool, path):
    assert spool.pending() == frozenset()
    spool.retry()
    assert not path.exists()


def test_what_failed_pends_until_it_is_renewed(spool, home, path):
    spool.failed(home, ["default:a", "default:b"])
    assert spool.pending() == {"default:a", "default:b"}
    at_once(spool).retry()
    assert spool.pending() == {"default:a", "default:b"}
    home.up = True
    at_once(spool).retry()
    assert spool.pending() == frozenset()
    assert home.renewed == ["default:a", "default:b"]
    assert not path.exists()


def test_no_use_is_held_up_by_trying_again_and_again(spool, home, monkeypatch):
    spool.failed(home, ["a"])
    tries = []

    def slow(tags, deadline):
        tries.append(tags)
        time.sleep(0.05)
        raise Unavailable("no answer")

    monkeypatch.setattr(home, "renew", slow)
    for _ in range(10):
        spool.retry()
    assert len(tries) == 1


def test_the_file_outlives_its_process_and_another_takes_over(spool, home):
    def die(link):
        Spool().failed(home, ["default:a"])
        link.tell()
        link.hear()

    with child(die) as forked:
        forked.link.hear()
        forked.kill()
    assert at_once(spool).pending() == {"default:a"}
    home.up = True
    spool.retry()
    assert spool.pending() == frozenset()
    assert home.renewed == ["default:a"]


def test_another_process_notices_within_a_second(spool, home, monkeypatch):
    assert spool.pending() == frozenset()
    in_child(lambda: Spool().failed(home, ["default:a"]))
    assert spool.pending() == frozenset()
    soon = time.monotonic() + _spool.EVERY
    monkeypatch.setattr(_spool.time, "monotonic", lambda: soon)
    assert spool.pending() == {"default:a"}


def test_when_another_has_renewed_it_the_process_still_does_so_itself(spool, home, path):
    """Who serves nothing with a tag waits for its own renewal, not for a file."""
    spool.failed(home, ["a"])
    path.unlink()
    assert at_once(spool).pending() == {"a"}


def test_what_fails_while_a_try_is_under_way_is_of_a_later_commit(spool, home, path, monkeypatch):
    spool.failed(home, ["a", "b"])

    def renew(tags, deadline):
        spool.failed(home, ["a"])  # another thread's commit, after the renewal of the first

    monkeypatch.setattr(home, "renew", renew)
    at_once(spool).retry()
    assert spool.pending() == {"a"}
    assert [json.loads(line) for line in path.read_bytes().splitlines()] == [["flaky", "a"]]


def test_each_homes_trouble_is_its_own(spool, home, path, monkeypatch, tmp_path):
    other = Flaky(tmp_path / "other")
    other.name, other.up = "other", True
    monkeypatch.setattr(_spool, "home_named", {"flaky": home, "other": other}.get)
    spool.failed(home, ["a"])
    spool.failed(other, ["a", "b"])
    at_once(spool).retry()
    assert other.renewed == ["a", "b"]
    assert spool.pending() == {"a"}


def test_lines_of_homes_that_are_not_ours_are_left_to_those_whose_they_are(spool, home, path):
    spool.failed(home, ["a"])
    with path.open("ab") as file:
        file.write(b'["of other settings", "x"]\n')
    home.up = True
    at_once(spool).retry()
    assert spool.pending() == frozenset()
    assert path.read_bytes() == b'["of other settings", "x"]\n'


def test_a_home_that_raises_for_its_settings_is_not_ours(spool, home, monkeypatch):
    def wrong(name):
        raise CacheError("TOKENS is wrong.", "Set it right.")

    spool.failed(home, ["a"])
    monkeypatch.setattr(_spool, "home_named", wrong)
    assert Spool().pending() == frozenset()


@pytest.mark.parametrize(
    "damage", [b'["flaky", "a', b"\xff\xfe\n", b"5\n", b"[]\n", b"\n", b'"ab"\n']
)
def test_a_damaged_line_is_passed_over(spool, home, path, damage):
    spool.failed(home, ["a"])
    with path.open("ab") as file:
        file.write(damage)
    fresh = Spool()
    assert fresh.pending() == {"a"}
    home.up = True
    fresh.retry()
    assert home.renewed[0] == "a"


def test_the_file_is_ours_alone_and_does_not_grow_for_ever(spool, home, path, monkeypatch):
    monkeypatch.setattr(_spool, "FULL", 2000)
    for _ in range(300):
        spool.failed(home, ["default:a_table", "default:another"])
    assert path.stat().st_size < 3000
    assert path.stat().st_mode & 0o777 == 0o600
    assert Spool().pending() == {"default:a_table", "default:another"}


def test_on_a_full_disk_the_process_remembers(spool, home, path, monkeypatch):
    real = os.open

    def full(name, *args, **kwargs):
        if str(name).endswith("renewals"):
            raise OSError(28, "No space left on device")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(os, "open", full)
    spool.failed(home, ["a"])
    assert at_once(spool).pending() == {"a"}
    home.up = True
    spool.retry()
    assert spool.pending() == frozenset()


def test_where_the_list_cannot_be_locked_it_is_done_again_later(spool, home, path):
    """Renewing twice costs nothing but a computation."""
    spool.failed(home, ["a"])
    home.up = True
    with locked(path.parent):
        held = in_child(lambda: (at_once(spool).retry(), sorted(at_once(spool).pending())))
    assert held[1] == ["a"]
    at_once(spool).retry()
    assert spool.pending() == frozenset()


def test_a_thread_tries_until_nothing_pends_and_ends(store, home, monkeypatch):
    monkeypatch.setattr(_spool, "EVERY", 0.02)
    spool = Spool()
    spool.failed(home, ["a"])
    thread = spool._thread
    assert thread is not None
    assert thread.daemon
    time.sleep(0.1)
    home.up = True
    thread.join(10)
    assert not thread.is_alive()
    assert spool.pending() == frozenset()
    assert spool._thread is None
    home.up = False
    spool.failed(home, ["b"])
    home.up = True
    spool._thread.join(10)
    assert home.renewed == ["a", "b"]


def test_a_child_remembers_what_pended_and_has_a_thread_of_its_own(store, home, monkeypatch):
    monkeypatch.setattr(_spool, "EVERY", 0.02)
    spool = Spool()
    spool.failed(home, ["a"])

    def work():
        before = sorted(spool.pending())
        home.up = True
        spool.retry()
        spool._begin()
        return before, sorted(spool.pending())

    assert in_child(work) == [["a"], []]
    home.up = True
    spool._thread.join(10)


def test_the_window_is_counted(spool, home, monkeypatch):
    monkeypatch.setattr(_spool, "_spool", spool)
    monkeypatch.setattr(_spool, "pending", spool.pending)
    spool.failed(home, ["a"])
    time.sleep(0.05)
    home.up = True
    at_once(spool).retry()
    figures = _spool.figures()
    assert figures.items() >= {"failed": 1, "renewed": 1, "tries": 1, "pending": 0}.items()
    assert 0.05 <= figures["seconds"] < 5
    assert _spool.figures()["seconds"] == figures["seconds"]
