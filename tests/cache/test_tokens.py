"""Embedded tokens: what binds in the token protocol, a test a sentence."""

from __future__ import annotations

import os
import shutil
import stat
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.measure.children import child, in_child
from unhurried.cache._errors import Unavailable
from unhurried.cache._tokens import _embedded, _table
from unhurried.cache._tokens._embedded import Embedded, slot
from unhurried.cache._tokens._table import HEAD, SIZE, SLOTS, Table

D = 10.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "db.sqlite3.unhurried-tokens"


@pytest.fixture
def home(path: Path) -> Embedded:
    return Embedded("embedded", path)


def other(path: Path) -> Embedded:
    """As another process has it: a descriptor and a mapping of its own."""
    return Embedded("embedded", path)


def tokens(home: Embedded, *tags: str) -> list[int]:
    return home.read(tags)[1]


def test_a_token_is_the_same_for_all_until_it_is_renewed(home, path):
    before = tokens(home, "default:a", "default:b")
    assert home.read(["default:a", "default:b"]) == other(path).read(["default:a", "default:b"])
    other(path).renew(["default:a"], D)
    after = tokens(home, "default:a", "default:b")
    assert after[0] != before[0]
    assert after[1] == before[1]
    assert all(0 <= token < 2**64 for token in after)


def test_all_slots_begin_random(home):
    home.read(["x"])
    assert len(set(home._table.tokens)) == SLOTS


def test_a_slot_is_the_same_in_every_process():
    assert slot("default:books_book") == 40_806


def test_a_touched_token_vanishes_at_the_deadline(home, monkeypatch):
    (before,) = tokens(home, "a")
    home.touch(["a"], 2.0)
    assert tokens(home, "a") == [before]
    later(monkeypatch, 2.1)
    (after,) = tokens(home, "a")
    assert after != before
    assert tokens(home, "a") == [after]


def later(monkeypatch, seconds: float) -> None:
    real = time.clock_gettime_ns
    for module in (_table, _embedded):
        monkeypatch.setattr(module, "now", lambda: real(_table.CLOCK) + int(seconds * 1e9))


def test_no_deadline_ends_sooner_because_of_another(home, monkeypatch):
    """One writer waits long for its COMMIT; the next is quick, and must not shorten it."""
    home.touch(["a"], 60.0)
    home.touch(["a"], 2.0)
    home.renew(["a"], 2.0)
    (before,) = tokens(home, "a")
    later(monkeypatch, 10.0)
    assert tokens(home, "a") == [before]
    later(monkeypatch, 61.0)
    assert tokens(home, "a") != [before]


def test_renewing_leaves_another_writers_deadline(home, path, monkeypatch):
    """Two writers touch, one renews, the other commits and dies: its deadline still holds."""
    home.touch(["a"], D)
    other(path).touch(["a"], D)
    home.renew(["a"], D)
    (read_in_between,) = tokens(home, "a")
    later(monkeypatch, D + 0.1)
    assert tokens(home, "a") != [read_in_between]


def check(home, read):
    return home.check(home.read(["a"])[0], dict(zip("ab", read, strict=True)))


def test_valid_says_what_reading_says(home, monkeypatch):
    read = tokens(home, "a", "b")
    valid = check(home, read)
    assert valid()
    home.touch(["b"], 2.0)
    assert valid()
    later(monkeypatch, 2.1)
    assert not valid()
    valid = check(home, tokens(home, "a", "b"))
    assert valid()
    home.renew(["a"], D)
    assert not valid()


def test_a_valid_look_takes_no_lock_and_asks_the_system_nothing(home, monkeypatch):
    valid = check(home, tokens(home, "a", "b"))
    for name in ("flock",):
        monkeypatch.setattr(_table.fcntl, name, None)
    for name in ("stat", "open", "fstat"):
        monkeypatch.setattr(os, name, None)
    try:
        assert valid()
    finally:
        monkeypatch.undo()


def test_expiry_and_a_renewal_at_once_never_bring_an_old_token_back(home, monkeypatch):
    """The token is expired while it is renewed: whichever comes last, it is a new one."""
    seen = {tokens(home, "a")[0]}
    table = home._table
    for _ in range(200):
        table.touch((slot("a"),), 1)  # long over
        together = [
            threading.Thread(target=home.renew, args=(["a"], D)),
            threading.Thread(target=home.read, args=(["a"],)),
        ]
        [each.start() for each in together]
        [each.join() for each in together]
        (now,) = tokens(home, "a")
        assert now not in seen
        seen.add(now)


def test_a_deadline_is_not_cleared_by_whoever_clears_the_last_one(home, path):
    """Reader: it is over. Writer: sets the next. Reader: clears that, were there no lock."""
    home.touch(["a"], 0.0)
    table, i = home._table, slot("a")
    late = threading.Thread(target=tokens, args=(home, "a"))

    def touch():
        late.start()
        time.sleep(0.05)  # it waits for the lock now
        table.touch((i,), _table.now() + 10**10)

    home._alone(table, touch)
    late.join()
    assert table.expiry[i] > _table.now()


# The file


def test_the_world_is_anothers_once_the_file_has_been_made_anew(home, path):
    world, read = home.read(["a"])
    path.unlink()
    fresh = other(path)
    assert fresh.read(["a"]) != (world, read)
    assert fresh.read(["a"])[0] != world


def test_a_reader_notices_within_a_second_that_the_file_was_replaced(home, path, monkeypatch):
    (token,) = tokens(home, "a")
    valid = home.check("", {"a": token})
    path.unlink()
    other(path).renew(["a"], D)
    soon = time.monotonic() + _embedded.GLANCE
    monkeypatch.setattr(_embedded.time, "monotonic", lambda: soon)
    assert not valid()
    assert home.read(["a"]) == other(path).read(["a"])


def test_a_writer_renews_in_the_table_it_leaves_too(home, path):
    """A reader has not yet noticed that the file was removed; a writer has."""
    reader = other(path)
    (token,) = tokens(reader, "a")
    valid = reader.check("", {"a": token})
    tokens(home, "a")
    path.unlink()
    home.renew(["a"], D)
    assert not valid()
    assert path.exists()
    assert home.read(["a"]) == other(path).read(["a"])


def test_a_writer_touches_in_the_table_that_is_there(home, path):
    tokens(home, "a")
    path.unlink()
    home.touch(["a"], D)
    fresh = other(path)
    tokens(fresh, "a")
    assert fresh._table.expiry[slot("a")]


def test_a_copy_is_not_taken_for_the_table(home, path, tmp_path):
    """Restored from a backup of the folder: the tokens of then, and perhaps not the data."""
    before = home.read(["a"])
    shutil.copy(path, tmp_path / "backup")
    home.renew(["a"], D)
    os.replace(tmp_path / "backup", path)
    assert other(path).read(["a"])[0] != before[0]


def test_a_table_that_was_moved_with_its_folder_is_still_the_table(home, path, tmp_path):
    before = home.read(["a"])
    moved = path.with_name("moved")
    path.rename(moved)
    assert other(moved).read(["a"]) == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        b"\0" * SIZE,
        b"SQLite format 3\0" + b"x" * SIZE,
        b"UNHTOK01" + b"f" * 36 + b"w" * (SIZE - 44),  # of another boot
    ],
)
def test_what_is_no_table_of_ours_is_replaced(home, path, content):
    path.write_bytes(content)
    world, read = home.read(["a"])
    assert other(path).read(["a"]) == (world, read)
    assert path.stat().st_size == SIZE
    assert path.stat().st_blocks * 512 >= SIZE, "sparse: a full disk would be SIGBUS"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_table_of_another_boot_is_replaced(home, path, monkeypatch):
    world, _ = home.read(["a"])
    monkeypatch.setattr(_table, "boot_id", lambda: b"b" * 36)
    assert other(path).read(["a"])[0] != world


def test_two_that_find_a_damaged_table_end_up_with_one(path):
    """Neither replaces what the other has made and uses already."""
    for _ in range(20):
        path.write_bytes(b"damaged")
        found = []
        ready = threading.Barrier(4)

        def use(ready=ready, found=found):
            mine = other(path)
            ready.wait()
            found.append(mine.read(["a"]))

        together = [threading.Thread(target=use) for _ in range(4)]
        [each.start() for each in together]
        [each.join() for each in together]
        assert len({str(each) for each in found}) == 1


def test_nobody_sees_a_table_half_made(path):
    for _ in range(10):
        path.unlink(missing_ok=True)
        found = []
        ready = threading.Barrier(4)

        def use(ready=ready, found=found):
            mine = other(path)
            ready.wait()
            found.append(mine.read(["a"]))

        together = [threading.Thread(target=use) for _ in range(4)]
        [each.start() for each in together]
        [each.join() for each in together]
        assert len({str(each) for each in found}) == 1


def test_where_no_boot_is_told_deadlines_start_anew(home, path, monkeypatch):
    """They may be of the last boot and never pass; or of a writer that lives, so they stay."""
    monkeypatch.setattr(_table, "boot_id", lambda: b"")
    (before,) = tokens(home, "a")
    table, i = home._table, slot("a")
    table.expiry[i] = 2**63
    assert tokens(other(path), "a") != [before]
    assert 0 < table.expiry[i] <= _table.now() + 60 * 10**9


def test_the_file_is_ours_alone_unless_it_lies_beside_a_database(home, path, tmp_path):
    tokens(home, "a")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    database = tmp_path / "shared.sqlite3"
    database.touch()
    database.chmod(0o664)
    beside = Embedded("x", tmp_path / "beside", like=database)
    tokens(beside, "a")
    assert stat.S_IMODE((tmp_path / "beside").stat().st_mode) == 0o664


def test_root_leaves_the_table_to_the_owner_of_the_database(tmp_path, monkeypatch):
    """Else a shell of root's would make a table that the site can't open."""
    given = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda fd, user, group: given.append((user, group)))
    database = tmp_path / "db.sqlite3"
    database.touch()
    tokens(Embedded("x", tmp_path / "table", like=database), "a")
    owner = database.stat()
    assert given == [(owner.st_uid, owner.st_gid)]


@pytest.mark.parametrize("kind", ["folder", "link", "fifo", "no folder"])
def test_what_can_be_no_table_is_unavailable(home, path, kind):
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/dev/null")
    elif kind == "fifo":
        os.mkfifo(path)
    home = Embedded("x", path / "deeper" if kind == "no folder" else path)
    for call in (lambda: home.read(["a"]), lambda: home.touch(["a"], D)):
        with pytest.raises(Unavailable):
            call()
    with pytest.raises(Unavailable):
        home.renew(["a"], D)
    assert not home.check("", {"a": 1})()


def test_a_full_disk_is_unavailable(home, monkeypatch, path):
    def full(fd, start, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(Unavailable, match="No space left"):
        home.read(["a"])
    monkeypatch.undo()
    assert [each.name for each in path.parent.iterdir()] == []
    assert tokens(home, "a")


def test_who_holds_the_table_for_too_long_is_not_waited_for(home, path, monkeypatch):
    monkeypatch.setattr(_table, "PATIENCE", 0.05)
    tokens(home, "a")
    with other_holds(path), pytest.raises(Unavailable, match="held"):
        home.touch(["a"], D)
    home.touch(["a"], D)


@contextmanager
def other_holds(path):
    table = Table.open(path)
    table.hold()
    yield
    table.let_go()


def test_renewing_waits_for_nobody(home, path):
    """Whoever holds the table may have been stopped; a write is told of nevertheless."""
    (before,) = tokens(home, "a")
    with other_holds(path):
        home.renew(["a"], D)
        assert tokens(home, "a") != [before]


# Processes


def test_a_child_shares_the_table_and_not_the_lock(home):
    before = home.read(["a"])

    def work():
        assert home.read(["a"]) == before
        home.renew(["a"], D)
        return home.read(["a"])

    assert in_child(work) == list(map(_as_json, home.read(["a"])))
    assert home.read(["a"]) != before


def _as_json(value):
    return list(value) if isinstance(value, tuple) else value


def test_a_child_and_its_parent_exclude_each_other(home, monkeypatch):
    """``flock`` is of the open file: what a fork has copied is one lock, and excludes nobody."""
    monkeypatch.setattr(_table, "PATIENCE", 0.1)
    tokens(home, "a")

    def hold(link):
        home._alone(home._current(), lambda: (link.tell(), link.hear()))
        return True

    with child(hold) as forked:
        forked.link.hear()
        with pytest.raises(Unavailable):
            home.touch(["a"], D)
        forked.link.tell()
        assert forked.result()
    home.touch(["a"], D)


def test_a_fork_while_a_thread_holds_the_table(home):
    def child_reads():
        assert in_child(lambda: home.check("", {"x": home.read(["x"])[1][0]})())

    home._alone(home._current(), child_reads)
    home.touch(["a"], D)


def test_a_private_table_is_of_one_process(monkeypatch):
    home = Embedded("memory", None)
    before = home.read(["a"])
    assert in_child(lambda: home.read(["a"])[0]) != before[0]
    assert home.read(["a"]) == before
    home.touch(["a"], 1.0)
    later(monkeypatch, 1.1)
    assert home.read(["a"]) != before


def test_a_killed_writers_deadline_is_seen_by_all(home, path, monkeypatch):
    (before,) = tokens(home, "a")

    def die(link):
        home.touch(["a"], 2.0)
        link.tell()
        link.hear()

    with child(die) as forked:
        forked.link.hear()
        forked.kill()
    assert tokens(home, "a") == [before]
    later(monkeypatch, 2.1)
    assert tokens(other(path), "a") != [before]


def test_head_is_a_page_so_that_numbers_are_aligned():
    assert HEAD % 4096 == 0
