"""The ledger's file: what is written is read again, and sessions do not undo each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unhurried.queries._budget._ledger import (
    Change,
    LedgerError,
    apply,
    block,
    grown,
    is_less,
    read,
    text,
)
from unhurried.queries._budget._listing import Asked

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1)
ASKED = st.builds(
    Asked, WORDS, st.lists(WORDS, min_size=1).map(" ".join), st.integers(1, 10**6),
    st.lists(WORDS.map(lambda word: word.replace(",", "")).filter(bool), max_size=3).map(tuple),
)  # fmt: skip
BLOCKS = st.lists(ASKED, min_size=1, max_size=5, unique_by=lambda a: (a.alias, a.sql)).map(block)
TESTS = st.dictionaries(WORDS.map("t.py::{}".format), BLOCKS, max_size=4)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("ledger") / "queries.ledger"


@pytest.mark.long
@given(TESTS)
def test_what_is_written_is_read_again(path, blocks):
    path.write_text(text(blocks), encoding="utf-8")
    assert read(path) == blocks
    assert text(read(path)) == text(blocks)


def one(count: int, sql: str = "SELECT 1", line: str = "a.py:1") -> Asked:
    return Asked("default", sql, count, (line,))


@pytest.mark.long
@given(BLOCKS, BLOCKS)
def test_more_less_or_the_same(known, now):
    counts = [{key: a.count for key, a in each.items()} for each in (known, now)]
    assert (not grown(known, now) and not is_less(known, now)) == (counts[0] == counts[1])


def test_a_change_survives_its_way_home():
    change = Change(True, (one(3), one(2, "SELECT 2")))
    assert Change.got(change.sent()) == change


def test_two_sessions_that_shrink_keep_the_least(tmp_path):
    path = tmp_path / "queries.ledger"
    apply(path, {"t": Change(True, (one(5), one(3, "SELECT 2")))})
    apply(path, {"t": Change(False, (one(4), one(3, "SELECT 2")))})
    assert apply(path, {"t": Change(False, (one(5), one(1, "SELECT 2")))})
    assert {key[1]: a.count for key, a in read(path)["t"].items()} == {"SELECT 1": 4, "SELECT 2": 1}


def test_shrinking_never_adds(tmp_path):
    path = tmp_path / "queries.ledger"
    apply(path, {"t": Change(True, (one(5),))})
    apply(path, {"t": Change(False, (one(4), one(9, "SELECT 2"))), "new": Change(False, (one(1),))})
    assert {key[1]: a.count for key, a in read(path)["t"].items()} == {"SELECT 1": 4}
    assert list(read(path)) == ["t"]


def test_nothing_to_say_writes_nothing(tmp_path):
    path = tmp_path / "queries.ledger"
    assert apply(path, {}) == ""
    assert apply(path, {}, collected=["t"]) == ""
    assert apply(path, {"t": Change(True, ())}) == ""
    assert not path.exists()
    apply(path, {"t": Change(True, (one(1),))})
    before = path.stat().st_mtime_ns
    assert apply(path, {"t": Change(True, (one(1, line="moved.py:9"),))}, collected=["t"]) == ""
    assert path.stat().st_mtime_ns == before


def test_a_file_that_can_not_be_written_is_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "queries.ledger"
    apply(path, {"t": Change(True, (one(1),))})
    before = path.read_text()

    def full(*args: object) -> None:
        raise OSError("full")

    monkeypatch.setattr("unhurried.queries._budget._ledger.os.replace", full)
    with pytest.raises(OSError, match="full"):
        apply(path, {"t": Change(True, (one(2),))})
    assert path.read_text() == before
    assert [each.name for each in tmp_path.iterdir()] == ["queries.ledger"]


DAMAGED = (
    *("\t1\tdefault\tx\tSELECT 1", "t\n\tx\tdefault\tx\tSELECT 1", "t\n\t1\tSELECT"),
    *("<<<<<<< ours", "=======", ">>>>>>> x"),
)


@pytest.mark.parametrize("damage", DAMAGED)
def test_damage_is_told_with_its_line(tmp_path, damage):
    path = tmp_path / "queries.ledger"
    path.write_text(damage)
    with pytest.raises(LedgerError, match=r"queries\.ledger:\d .*--queries-update"):
        read(path)
